use std::path::{Path, PathBuf};

use clap::Args;
use face::{FaceData, Limits, Photo, PreviewOptions, Rendered, Renderer, Shown, sheet};
use issuance::request::{Request, Requests};
use plastic::Raster;
use serde_json::{Value, json};

use crate::faces;
use crate::output::{Ending, Failure, Output, chain};

/// Draw a face as it would be printed, as PNG (1016 x 642 dots, 300 dpi)
///
/// With --back the other side is drawn too, for the same person: beside the front with --sheet, else
/// into a file of its own, whose name ends in `-back`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print preview --name \"Ada Testcase\" --uuid 555253521108 \\
      --photo examples/portraits/amara.png -o face.png
  cardwright print preview --requests examples/requests.csv --request R-0001 -o face.png --chip
  cardwright print preview --requests examples/requests.csv --request R-0001 -o sheet.png \\
      --template examples/templates/wave.svg --back examples/templates/back.svg --sheet")]
pub(super) struct Preview {
    /// SVG template; the built-in one if left out
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// The back: an SVG template, or a finished PNG of 1016 x 642 dots
    #[arg(long, value_name = "SVG|PNG")]
    back: Option<PathBuf>,

    /// Where to write the picture
    #[arg(short, long, value_name = "PNG")]
    output: PathBuf,

    /// Take the person from this request file
    #[arg(long, value_name = "CSV", requires = "request")]
    requests: Option<PathBuf>,

    /// The request to take
    #[arg(long, value_name = "REFERENCE", requires = "requests")]
    request: Option<String>,

    /// Name on the card
    #[arg(
        long,
        required_unless_present = "requests",
        conflicts_with = "requests"
    )]
    name: Option<String>,

    /// UUID of the user, 12 digits
    #[arg(
        long,
        required_unless_present = "requests",
        conflicts_with = "requests"
    )]
    uuid: Option<String>,

    /// Organisation
    #[arg(long, default_value = "", conflicts_with = "requests")]
    organisation: String,

    /// Photo, PNG or JPEG
    #[arg(long, value_name = "FILE", conflicts_with = "requests")]
    photo: Option<PathBuf>,

    /// ICC profile (RGB) of the printer; shows the colours as they would be sent
    #[arg(long, value_name = "FILE")]
    icc: Option<PathBuf>,

    /// Front and back side by side, labelled, with chip, overcoat holes and corners
    #[arg(long)]
    sheet: bool,

    /// Show the contacts of the chip
    #[arg(long)]
    chip: bool,

    /// Hatch the holes in the overcoat
    #[arg(long)]
    overcoat: bool,

    /// Show the boxes of the fields
    #[arg(long)]
    fields: bool,

    /// Show the rounded corners of the card
    #[arg(long)]
    corners: bool,
}

/// A side as it is shown.
struct Drawn {
    picture: Raster,
    rendered: Rendered,
}

impl Preview {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let template = faces::template(self.template.as_deref())?;
        let renderer = faces::renderer(self.icc.as_deref())?;
        let person = self.person()?;
        let front = self.drawn(renderer.render(&template, &person)?);
        let back = self
            .back
            .as_deref()
            .map(|path| self.draw_back(path, &renderer, &person))
            .transpose()?;

        let mut warnings: Vec<String> = front
            .rendered
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect();
        if let Some(photo) = &person.photo {
            let hints = photo.hints(&Limits::builtin().photo);
            warnings.extend(
                hints
                    .iter()
                    .map(|hint| format!("{hint}; {}", hint.advice())),
            );
        }
        if self.sheet {
            let picture = self.sheet(&front, back.as_ref())?;
            write(&picture, &self.output)?;
        } else {
            write(&front.picture, &self.output)?;
            if let Some(back) = &back {
                write(&back.picture, &self.back_output())?;
            }
        }
        self.report(&front, back.as_ref(), &warnings, output)?;
        Ok(Ending::Done)
    }

    fn draw_back(
        &self,
        path: &Path,
        renderer: &Renderer,
        person: &FaceData,
    ) -> Result<Drawn, Failure> {
        let is_png = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        if !is_png {
            let template = faces::template(Some(path))?;
            let rendered = renderer.render(&template, person);
            let subject = format!("back `{}`", path.display());
            return Ok(self.drawn(rendered.map_err(|error| Failure::from(error).about(&subject))?));
        }
        let picture = Raster::read_png(path).map_err(|error| Failure::mistake(chain(&error)))?;
        let (width, height) = (picture.width(), picture.height());
        if (width, height) != (plastic::WIDTH, plastic::HEIGHT) {
            return Err(Failure::mistake(format!(
                "back `{}` is {width} x {height} dots, expected {} x {}",
                path.display(),
                plastic::WIDTH,
                plastic::HEIGHT
            )));
        }
        Ok(self.drawn(Rendered::of_picture(picture)))
    }

    fn drawn(&self, mut rendered: Rendered) -> Drawn {
        if self.icc.is_some() {
            rendered.picture = rendered.separation.composed();
        }
        let picture = rendered.preview(PreviewOptions {
            chip: self.chip || self.sheet,
            overcoat: self.overcoat || self.sheet,
            fields: self.fields,
            corners: self.corners || self.sheet,
        });
        Drawn { picture, rendered }
    }

    fn sheet(&self, front: &Drawn, back: Option<&Drawn>) -> Result<Raster, Failure> {
        let named = |side: &str, path: Option<&Path>| {
            let name = path.and_then(Path::file_name);
            match name {
                Some(name) => format!("{side}: {}", name.to_string_lossy()),
                None => format!("{side}: built-in template"),
            }
        };
        let mut cards = vec![Shown {
            label: named("Front", self.template.as_deref()),
            picture: front.picture.clone(),
        }];
        cards.push(match back {
            Some(back) => Shown {
                label: named("Back", self.back.as_deref()),
                picture: back.picture.clone(),
            },
            None => Shown {
                label: "Back: not printed".to_owned(),
                picture: self
                    .drawn(Rendered::of_picture(Raster::white(
                        plastic::WIDTH,
                        plastic::HEIGHT,
                    )))
                    .picture,
            },
        });
        let note = "Gold: contacts of the chip. Hatched: no overcoat. Both are drawn here only.";
        sheet(&cards, note).ok_or_else(|| Failure::mistake("the sheet cannot be drawn"))
    }

    fn person(&self) -> Result<FaceData, Failure> {
        if let (Some(path), Some(wanted)) = (&self.requests, &self.request) {
            return from_requests(path, wanted);
        }
        Ok(FaceData {
            name: self.name.clone().unwrap_or_default(),
            uuid: self.uuid.clone().unwrap_or_default(),
            organisation: self.organisation.clone(),
            photo: self.photo.as_deref().map(Photo::load).transpose()?,
            ..FaceData::default()
        })
    }

    /// Where the back goes that is not on a sheet: `face.png` gives `face-back.png`.
    fn back_output(&self) -> PathBuf {
        let mut name = self.output.file_stem().unwrap_or_default().to_owned();
        name.push("-back");
        if let Some(extension) = self.output.extension() {
            name.push(".");
            name.push(extension);
        }
        self.output.with_file_name(name)
    }

    fn report(
        &self,
        front: &Drawn,
        back: Option<&Drawn>,
        warnings: &[String],
        output: Output,
    ) -> Result<(), Failure> {
        let path = self.output.display().to_string();
        let back_path = || match self.sheet {
            true => path.clone(),
            false => self.back_output().display().to_string(),
        };
        let back_warnings: Vec<String> = back
            .iter()
            .flat_map(|back| &back.rendered.warnings)
            .map(ToString::to_string)
            .collect();
        if output.is_json() {
            let back = back.map(|back| {
                json!({
                    "picture": back_path(),
                    "fields": fields(&back.rendered),
                    "warnings": back_warnings,
                })
            });
            return output.document(&json!({
                "picture": path,
                "fields": fields(&front.rendered),
                "warnings": warnings,
                "back": back,
            }));
        }
        for warning in warnings {
            output.warn(warning);
        }
        for warning in back_warnings {
            output.warn(&format!("back: {warning}"));
        }
        output.line(&path)?;
        if back.is_some() && !self.sheet {
            output.line(&back_path())?;
        }
        Ok(())
    }
}

fn fields(rendered: &Rendered) -> Vec<Value> {
    rendered
        .fields
        .iter()
        .map(|field| json!({ "name": field.name, "lines": field.lines, "size": field.size }))
        .collect()
}

fn write(picture: &Raster, path: &Path) -> Result<(), Failure> {
    picture
        .write_png(path)
        .map_err(|error| Failure::store(chain(&error)))
}

fn from_requests(path: &Path, wanted: &str) -> Result<FaceData, Failure> {
    let requests = Requests::read_csv(path)?.requests;
    let request: &Request = requests
        .iter()
        .find(|request| request.id.as_str() == wanted)
        .ok_or_else(|| {
            let known: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
            Failure::mistake(format!(
                "request `{wanted}` is not in `{}` (requests: {})",
                path.display(),
                known.join(", ")
            ))
        })?;
    Ok(faces::data(request, Photo::load(&request.photo)?))
}
