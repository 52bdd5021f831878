mod decode;
mod encode;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use face::{FaceData, Fonts, Photo, PreviewOptions, Rendered, Renderer, Template};
use issuance::request::{Request, Requests};
use serde_json::json;

use crate::output::{Ending, Failure, Output, chain};

/// Look at faces and print jobs
#[derive(Args, Debug)]
pub(crate) struct Print {
    #[command(subcommand)]
    command: PrintCommand,
}

#[derive(Debug, Subcommand)]
enum PrintCommand {
    Decode(decode::Decode),
    Encode(Box<encode::Encode>),
    Preview(Preview),
}

/// Draw a face as it would be printed, as PNG (1016 x 642 dots, 300 dpi)
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print preview --name \"Ada Testcase\" --uuid 555253521108 \\
      --photo examples/portraits/amara.png -o face.png
  cardwright print preview --requests examples/requests.csv --request R-0001 -o face.png --chip")]
struct Preview {
    /// SVG template; the built-in one if left out
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

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

    /// Show the contacts of the chip
    #[arg(long)]
    chip: bool,

    /// Show the holes in the overcoat
    #[arg(long)]
    overcoat: bool,

    /// Show the boxes of the fields
    #[arg(long)]
    fields: bool,
}

impl Print {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            PrintCommand::Decode(decode) => decode.run(output),
            PrintCommand::Encode(encode) => encode.run(output),
            PrintCommand::Preview(preview) => preview.run(output),
        }
    }
}

impl Preview {
    fn run(&self, output: Output) -> Result<Ending, Failure> {
        let template = self
            .template
            .as_deref()
            .map_or_else(|| Ok(Template::builtin()), Template::load)?;
        let rendered = Renderer::new(Fonts::builtin()).render(&template, &self.person()?)?;
        let picture = rendered.preview(PreviewOptions {
            chip: self.chip,
            overcoat: self.overcoat,
            fields: self.fields,
            corners: false,
        });
        picture
            .write_png(&self.output)
            .map_err(|error| Failure::store(chain(&error)))?;
        self.report(&rendered, output)?;
        Ok(Ending::Done)
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

    fn report(&self, rendered: &Rendered, output: Output) -> Result<(), Failure> {
        let path = self.output.display().to_string();
        let warnings: Vec<String> = rendered.warnings.iter().map(ToString::to_string).collect();
        if output.is_json() {
            let fields: Vec<_> = rendered
                .fields
                .iter()
                .map(
                    |field| json!({ "name": field.name, "lines": field.lines, "size": field.size }),
                )
                .collect();
            return output
                .document(&json!({ "picture": path, "fields": fields, "warnings": warnings }));
        }
        for warning in warnings {
            output.warn(&warning);
        }
        output.line(&path)
    }
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
    Ok(FaceData {
        name: request.name.clone(),
        uuid: request.user.as_str().to_owned(),
        organisation: request.organisation.clone(),
        photo: Some(Photo::load(&request.photo)?),
        ..FaceData::default()
    })
}
