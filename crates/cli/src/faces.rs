//! What the commands that draw faces share.

use std::path::Path;

use face::{ColourProfile, FaceData, Fonts, Limits, Photo, Renderer, Template};
use ground::Blamed;
use issuance::request::Request;

use crate::output::Failure;

/// Reads a template, the built-in one without a path; the message names its file whatever is wrong
/// with it.
pub(crate) fn template(path: Option<&Path>) -> Result<Template, Failure> {
    let Some(path) = path else {
        return Ok(Template::builtin());
    };
    Template::load(path).map_err(|error| {
        let hint = error.hint();
        Failure::from(error)
            .about(&format!("template `{}`", path.display()))
            .with_hint(hint.unwrap_or_else(|| {
                "name an SVG file; examples/templates has some to start from".to_owned()
            }))
    })
}

/// A renderer that converts colours with this profile, or leaves them as they are.
pub(crate) fn renderer(icc: Option<&Path>) -> Result<Renderer, Failure> {
    let renderer = Renderer::new(Fonts::builtin());
    Ok(match icc {
        Some(path) => renderer.with_colours(ColourProfile::load(path)?),
        None => renderer,
    })
}

/// The limits of a file, the built-in ones without a path.
pub(crate) fn limits(path: Option<&Path>) -> Result<Limits, Failure> {
    match path {
        None => Ok(Limits::builtin().clone()),
        Some(path) => {
            let subject = format!("limits `{}`", path.display());
            Limits::load(path).map_err(|error| Failure::from(error).about(&subject))
        }
    }
}

/// What goes on the card of a request.
pub(crate) fn data(request: &Request, photo: Photo) -> FaceData {
    FaceData {
        name: request.name.clone(),
        uuid: request.user.as_str().to_owned(),
        organisation: request.organisation.clone(),
        photo: Some(photo),
        ..FaceData::default()
    }
}
