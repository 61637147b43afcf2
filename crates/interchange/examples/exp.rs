use digit8_interchange::export::{Form, Input, Options, export};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (m, i) = digit8_core::file::read(&std::fs::read(&a[1]).unwrap()).unwrap();
    let form: Form = a[2].parse().unwrap();
    std::fs::write(&a[3], export(&m, Options { form, input: Input::Pixels, all_layers: true }, &i)).unwrap();
}
