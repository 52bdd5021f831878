use std::path::Path;
use std::sync::Arc;

use harfrust::ShaperData;
use resvg::usvg::fontdb;

use crate::FontError;

/// The family embedded in this crate, in regular and bold.
pub(crate) const EMBEDDED_FAMILY: &str = "Liberation Sans";

const REGULAR: &[u8] = include_bytes!("../fonts/LiberationSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/LiberationSans-Bold.ttf");

/// The most bytes a font file may have.
const MAX_FONT_BYTES: u64 = 32 << 20;

/// The fonts a renderer may use: those embedded here and those of the site, never those of the
/// machine, so that a card looks the same wherever it is printed.
#[derive(Clone)]
pub struct Fonts {
    database: Arc<fontdb::Database>,
    faces: Vec<Arc<Face>>,
}

/// One face of a family, with what shaping needs to know only once.
pub(crate) struct Face {
    pub(crate) id: fontdb::ID,
    families: Vec<String>,
    weight: u16,
    italic: bool,
    pub(crate) shaper: ShaperData,
}

impl Face {
    /// Family, weight and style as a person would say it.
    pub(crate) fn name(&self) -> String {
        describe(
            self.families.first().map_or("?", String::as_str),
            self.weight,
            self.italic,
        )
    }
}

impl Fonts {
    /// Liberation Sans, regular and bold (SIL Open Font Licence 1.1).
    #[must_use]
    pub fn builtin() -> Self {
        let mut fonts = Self {
            database: Arc::new(fontdb::Database::new()),
            faces: Vec::new(),
        };
        for bytes in [REGULAR, BOLD] {
            fonts.load_bytes(Arc::new(bytes));
        }
        fonts
    }

    /// Adds every `.ttf`, `.otf` and `.ttc` file of a directory, not of the directories below it,
    /// in the order of their names. Returns how many faces were added.
    ///
    /// # Errors
    ///
    /// [`FontError`], also for a file so named that is no font.
    pub fn load_dir(&mut self, directory: &Path) -> Result<usize, FontError> {
        let read = |source| FontError::Read {
            path: directory.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let named_so = path.extension().is_some_and(|extension| {
                ["ttf", "otf", "ttc"]
                    .iter()
                    .any(|known| extension.eq_ignore_ascii_case(known))
            });
            if named_so && path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        let mut added = 0;
        for path in paths {
            let failed = |source| FontError::Read {
                path: path.clone(),
                source,
            };
            let size = std::fs::metadata(&path).map_err(failed)?.len();
            if size > MAX_FONT_BYTES {
                return Err(FontError::NotAFont {
                    path,
                    reason: format!("it has {size} bytes, at most {MAX_FONT_BYTES} are read"),
                });
            }
            let bytes = std::fs::read(&path).map_err(failed)?;
            match self.load_bytes(Arc::new(bytes)) {
                0 => {
                    return Err(FontError::NotAFont {
                        path,
                        reason: "no face with a name and outlines was found in it".to_owned(),
                    });
                }
                count => added += count,
            }
        }
        Ok(added)
    }

    /// Every face loaded: family, weight and style.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.faces.iter().map(|face| face.name()).collect()
    }

    pub(crate) fn database(&self) -> &Arc<fontdb::Database> {
        &self.database
    }

    /// The face of exactly this family, weight and style; a later one goes before an earlier.
    pub(crate) fn find(&self, family: &str, weight: u16, italic: bool) -> Option<&Arc<Face>> {
        self.faces.iter().rev().find(|face| {
            face.weight == weight
                && face.italic == italic
                && face
                    .families
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(family))
        })
    }

    /// The embedded face of the nearest weight, to look at a drawing whose own font is missing.
    pub(crate) fn nearest(&self, weight: u16) -> Option<&Arc<Face>> {
        self.find(EMBEDDED_FAMILY, if weight < 600 { 400 } else { 700 }, false)
    }

    pub(crate) fn by_id(&self, id: fontdb::ID) -> Option<&Arc<Face>> {
        self.faces.iter().find(|face| face.id == id)
    }

    /// Runs `with` on the bytes of a face and its number within them.
    pub(crate) fn with_face<T>(
        &self,
        face: &Face,
        with: impl FnOnce(&[u8], u32) -> T,
    ) -> Option<T> {
        self.database.with_face_data(face.id, with)
    }

    fn load_bytes(&mut self, bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> usize {
        let database = Arc::make_mut(&mut self.database);
        let ids = database.load_font_source(fontdb::Source::Binary(bytes));
        let mut added = 0;
        for id in ids {
            let shaper = database.with_face_data(id, |data, index| {
                harfrust::FontRef::from_index(data, index)
                    .ok()
                    .map(|font| ShaperData::new(&font))
            });
            let (Some(Some(shaper)), Some(info)) = (shaper, database.face(id)) else {
                database.remove_face(id);
                continue;
            };
            self.faces.push(Arc::new(Face {
                id,
                families: info.families.iter().map(|(name, _)| name.clone()).collect(),
                weight: info.weight.0,
                italic: info.style != fontdb::Style::Normal,
                shaper,
            }));
            added += 1;
        }
        added
    }
}

impl Default for Fonts {
    fn default() -> Self {
        Self::builtin()
    }
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fonts").field(&self.names()).finish()
    }
}

/// Family, weight and style as a person would say it.
pub(crate) fn describe(family: &str, weight: u16, italic: bool) -> String {
    let weight = match weight {
        400 => "regular".to_owned(),
        700 => "bold".to_owned(),
        other => other.to_string(),
    };
    let style = if italic { " italic" } else { "" };
    format!("{family} {weight}{style}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_family_has_regular_and_bold_and_no_italic() {
        let fonts = Fonts::builtin();
        assert_eq!(
            fonts.names(),
            ["Liberation Sans regular", "Liberation Sans bold"]
        );
        assert!(fonts.find("liberation sans", 700, false).is_some());
        assert!(fonts.find("Liberation Sans", 400, true).is_none());
        assert!(fonts.find("Arial", 400, false).is_none());
    }

    #[test]
    fn a_directory_of_fonts_is_loaded_in_the_order_of_names() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("b.ttf"), BOLD).unwrap();
        std::fs::write(directory.path().join("readme.txt"), "no font").unwrap();
        let mut fonts = Fonts::builtin();
        assert_eq!(fonts.load_dir(directory.path()).unwrap(), 1);
        assert_eq!(fonts.names().len(), 3);
    }

    #[test]
    fn a_file_named_like_a_font_that_is_none_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("broken.ttf"), "no font").unwrap();
        let error = Fonts::builtin().load_dir(directory.path()).unwrap_err();
        assert!(error.to_string().contains("broken.ttf"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let error = Fonts::builtin()
            .load_dir(Path::new("no/such/place"))
            .unwrap_err();
        assert!(matches!(error, FontError::Read { .. }));
    }
}
