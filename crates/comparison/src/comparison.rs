use card_image::CardImage;
use serde::Serialize;

use crate::text;

/// How one card departs from another.
///
/// Its JSON form is versioned by `schema`; its text form is [`Comparison::to_text`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Version of the JSON form, 1.
    pub schema: u8,
    /// The card that is compared with.
    pub a: Side,
    /// The card that is judged.
    pub b: Side,
    /// The id of the profile that tells what is tolerated.
    pub profile: Option<String>,
    /// Every difference, in the order of sections.
    pub differences: Vec<Difference>,
    /// What both cards were timed at.
    pub timings: Vec<TimingRatio>,
    /// What only one of the images says.
    pub not_compared: Vec<String>,
}

/// Where an image comes from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// A reader, a folder, a transcript.
    pub source: String,
    /// When the image was taken.
    pub taken_at: Option<String>,
    /// Whether what is behind the passcode was read.
    pub with_passcode: bool,
}

impl Side {
    pub(crate) fn of(image: &CardImage) -> Self {
        Self {
            source: image.source.clone(),
            taken_at: image.taken_at.map(|moment| moment.to_string()),
            with_passcode: image.with_passcode,
        }
    }
}

/// One difference.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// What to make of it.
    pub class: Class,
    /// What it is about.
    pub section: Section,
    /// What it is about in one word, such as `object.5FC102.34`: what a profile tolerates by.
    pub path: String,
    /// What it is about, for people.
    pub what: String,
    /// On the first card.
    pub a: String,
    /// On the second card.
    pub b: String,
    /// Why it is of its class: a rule, a clause of a standard or the profile's source.
    pub why: String,
}

/// What to make of a difference.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The second card is worse.
    Regression,
    /// The second card has more.
    New,
    /// The profile lists it, or no program depends on it.
    Tolerated,
    /// It must differ between two cards of one series.
    Expected,
}

impl Class {
    /// All of them, worst first.
    pub const ALL: [Self; 4] = [Self::Regression, Self::New, Self::Tolerated, Self::Expected];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::New => "new",
            Self::Tolerated => "tolerated",
            Self::Expected => "expected",
        }
    }
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Answer to reset, answer to SELECT, production data.
    Card,
    /// The data objects.
    Objects,
    /// The certificates in them.
    Certificates,
    /// What the card announces and what its keys are.
    Algorithms,
    /// Status words of VERIFY without data and of the probes.
    StatusWords,
    /// How long things took.
    Timing,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Card,
        Self::Objects,
        Self::Certificates,
        Self::Algorithms,
        Self::StatusWords,
        Self::Timing,
    ];

    /// The heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Card => "Card",
            Self::Objects => "Objects",
            Self::Certificates => "Certificates",
            Self::Algorithms => "Algorithms",
            Self::StatusWords => "Status words",
            Self::Timing => "Timing",
        }
    }
}

/// How long the same command took on both cards.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimingRatio {
    /// What was done.
    pub what: String,
    /// Microseconds on the first card.
    pub a: u64,
    /// Microseconds on the second card.
    pub b: u64,
    /// The second as a multiple of the first; `None` where the first is 0.
    pub ratio: Option<f64>,
}

impl Comparison {
    /// The version of the JSON form.
    pub const SCHEMA: u8 = 1;

    /// The differences of a class.
    pub fn of_class(&self, class: Class) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(move |difference| difference.class == class)
    }

    /// Whether the second card is worse in anything.
    #[must_use]
    pub fn has_regressions(&self) -> bool {
        self.of_class(Class::Regression).next().is_some()
    }

    /// The difference with this path.
    #[must_use]
    pub fn difference(&self, path: &str) -> Option<&Difference> {
        self.differences
            .iter()
            .find(|difference| difference.path == path)
    }

    /// The report as plain text in sections.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self, &Class::ALL)
    }

    /// The report without the differences that are tolerated or expected; they are counted.
    #[must_use]
    pub fn to_brief_text(&self) -> String {
        text::render(self, &[Class::Regression, Class::New])
    }
}
