//! The example requests of the project are in order.

use std::path::Path;

use face::{FaceData, Fonts, Photo, Renderer, Template};
use issuance::request::Requests;

#[test]
fn the_example_requests_are_accepted_without_warnings_and_fit_the_face() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/requests.csv");
    let Requests { requests, warnings } = Requests::read_csv(&path).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(requests.len(), 4);
    let renderer = Renderer::new(Fonts::builtin());
    for request in requests {
        assert!(request.user.as_str().starts_with("555"), "a test number");
        let data = FaceData {
            name: request.name,
            uuid: request.user.to_string(),
            organisation: request.organisation,
            photo: Some(Photo::load(&request.photo).unwrap()),
            ..FaceData::default()
        };
        renderer.render(&Template::builtin(), &data).unwrap();
    }
}
