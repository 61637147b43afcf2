//! The story's form: chapters, which the terminal hears of one after the other, and the report has all of.

use maud::Markup;

use digit8_report::page;

/// A part of the story.
pub trait Chapter {
    /// What it is about.
    fn title(&self) -> String;

    /// What the terminal says.
    fn tell(&self) -> String;

    /// What the report shows.
    fn page(&self) -> Markup;
}

/// The chapters told so far.
#[derive(Default)]
pub struct Story {
    chapters: Vec<page::Section>,
}

impl Story {
    /// Tells a chapter, and keeps it for the report.
    pub fn add(&mut self, chapter: &dyn Chapter) {
        let number = self.chapters.len() + 1;
        let title = chapter.title();
        println!("\n── {number}  {title}\n\n{}", chapter.tell().trim_end());
        self.chapters.push(page::Section { title, body: chapter.page() });
    }

    /// All of them.
    pub fn chapters(self) -> Vec<page::Section> {
        self.chapters
    }
}
