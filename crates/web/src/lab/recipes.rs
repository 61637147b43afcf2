//! Recipes as text, as the page's address has them, and what they can be made of.

use std::collections::BTreeMap;

use digit8_core::Error;
use digit8_core::file::{self, Loaded, Model};
use digit8_core::quant::observers::OBSERVERS;
use digit8_core::quant::recipe::{NAMED, PARTS};
use digit8_core::quant::{Recipe, Rounding};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::refuse;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What recipes can be made of: the named ones, their parts, and what chooses ranges and rounds. */
export interface Catalog {
  recipes: { name: string; about: string; recipe: string }[];
  parts: { name: string; about: string }[];
  observers: { name: string; about: string }[];
  roundings: { name: string; about: string }[];
}
"#;

#[derive(Serialize)]
struct Catalog {
    recipes: Vec<Entry>,
    parts: Vec<Entry>,
    observers: Vec<Entry>,
    roundings: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    about: &'static str,
    /// Of a named recipe, its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe: Option<String>,
}

impl Entry {
    fn new(name: impl ToString, about: &'static str) -> Self {
        Self { name: name.to_string(), about, recipe: None }
    }
}

/// What recipes can be made of.
///
/// # Errors
/// None but JavaScript's own.
#[wasm_bindgen(unchecked_return_type = "Catalog")]
pub fn catalog() -> Result<JsValue, JsError> {
    let named = NAMED.iter().map(|named| {
        let recipe = Some(named.recipe().map_err(refuse)?.to_string());
        Ok(Entry { recipe, ..Entry::new(named.name, named.about) })
    });
    let catalog = Catalog {
        recipes: named.collect::<Result<_, JsError>>()?,
        parts: PARTS.iter().map(|part| Entry::new(part.name, part.about)).collect(),
        observers: OBSERVERS.iter().map(|method| Entry::new(method.name, method.about)).collect(),
        roundings: Rounding::ALL.iter().map(|&(_, name, about)| Entry::new(name, about)).collect(),
    };
    Ok(serde_wasm_bindgen::to_value(&catalog)?)
}

/// Every part of a recipe, as text by its name.
///
/// # Errors
/// If it is no recipe.
#[wasm_bindgen(js_name = recipeParts, unchecked_return_type = "Record<string, string>")]
pub fn recipe_parts(recipe: &str) -> Result<JsValue, JsError> {
    let recipe = read(recipe)?;
    let parts: BTreeMap<_, _> = PARTS.iter().map(|part| (part.name, part.of(&recipe))).collect();
    Ok(parts.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

/// The recipe by which the model in an int8 file was made, as the file says it; PyTorch's of its scheme if it says none.
///
/// # Errors
/// If it is no int8 model.
#[wasm_bindgen(js_name = recipeOfFile)]
pub fn recipe_of_file(file: &[u8]) -> Result<String, JsError> {
    let Loaded { model: Model::Int8(mlp), info, .. } = file::read(file).map_err(refuse)? else {
        return Err(JsError::new("expected an int8 model"));
    };
    let told = info.get("recipe").and_then(|recipe| recipe.parse().ok());
    Ok(told.unwrap_or(Recipe { scheme: mlp.scheme(), ..Recipe::default() }).to_string())
}

/// A recipe with one part as it is wanted.
///
/// # Errors
/// If it is no recipe, there is no such part, or it cannot be that.
#[wasm_bindgen(js_name = recipeWith)]
pub fn recipe_with(recipe: &str, part: &str, value: &str) -> Result<String, JsError> {
    let mut recipe = read(recipe)?;
    recipe.set(part, value).and_then(|()| recipe.check()).map_err(refuse)?;
    Ok(recipe.to_string())
}

/// A recipe as a JSON object.
///
/// # Errors
/// If it is no recipe.
#[wasm_bindgen(js_name = recipeJson)]
pub fn recipe_json(recipe: &str) -> Result<String, JsError> {
    Ok(serde_json::to_string_pretty(&read(recipe)?)?)
}

/// The text of a recipe that is a JSON object.
///
/// # Errors
/// If it is none.
#[wasm_bindgen(js_name = recipeOfJson)]
pub fn recipe_of_json(json: &str) -> Result<String, JsError> {
    Ok(Recipe::from_json(json).map_err(refuse)?.to_string())
}

pub(super) fn read(recipe: &str) -> Result<Recipe, JsError> {
    recipe.parse().map_err(|error: Error| refuse(error))
}
