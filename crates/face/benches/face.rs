//! What a face costs: the first one of a template, every further one, and its parts.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use face::{FaceData, Photo, PreviewOptions, Renderer, Template};

fn portrait() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/portraits/amara.png")
}

fn data(name: &str) -> FaceData {
    FaceData {
        name: name.to_owned(),
        uuid: "555123456789".to_owned(),
        organisation: "Riverside Community Hospital Trust".to_owned(),
        photo: Some(Photo::load(&portrait()).expect("the portrait is part of the project")),
        ..FaceData::default()
    }
}

fn faces(criterion: &mut Criterion) {
    let template = Template::builtin();
    let renderer = Renderer::default();
    renderer.prepare(&template).expect("the template is drawn");
    let usual = data("Daniel Kim");
    let long = data(&"Anne-Marie O’Featherstonehaugh ".repeat(5));

    let mut group = criterion.benchmark_group("face");
    group.bench_function("render and separate", |bencher| {
        bencher.iter(|| renderer.render(&template, &usual).expect("it fits"));
    });
    group.bench_function("render and separate a long name", |bencher| {
        bencher.iter(|| renderer.render(&template, &long).expect("it fits"));
    });
    let without_photo = Template::parse(WITHOUT_PHOTO, None).expect("the template is one");
    group.bench_function("render and separate without photo", |bencher| {
        bencher.iter(|| renderer.render(&without_photo, &usual).expect("it fits"));
    });
    group.bench_function("first face of a template", |bencher| {
        bencher.iter(|| {
            let rendered = Renderer::default().render(&Template::builtin(), &usual);
            rendered.expect("it fits")
        });
    });
    group.bench_function("decode a portrait of 600 x 750", |bencher| {
        let bytes = std::fs::read(portrait()).expect("the portrait is part of the project");
        bencher.iter(|| Photo::from_bytes(&bytes).expect("it is a photo"));
    });
    group.bench_function("preview", |bencher| {
        let rendered = renderer.render(&template, &usual).expect("the face fits");
        let marks = PreviewOptions {
            chip: true,
            overcoat: true,
            corners: true,
            fields: true,
        };
        bencher.iter(|| rendered.preview(marks));
    });
    group.bench_function("check", |bencher| {
        let rendered = renderer.render(&template, &usual).expect("the face fits");
        bencher.iter(|| face::check_face(&rendered.separation, &rendered.picture, 4));
    });
    group.finish();
}

const WITHOUT_PHOTO: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642">
<rect id="field:name" x="270" y="176" width="404" height="212" data-size="54" data-weight="bold"/>
<rect id="field:uuid" x="44" y="569" width="640" height="50" data-size="40" data-group="4"/>
</svg>"#;

criterion_group!(benches, faces);
criterion_main!(benches);
