//! A thousand different faces on two threads, photos decoded, beside resvg alone drawing the same
//! faces from an SVG each.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use face::{Batch, FaceData, Photo, Renderer, Template};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, ImageKind, Options, Tree, fontdb};

const FACES: usize = 1000;
/// The peer takes as long as it takes; its rate is the same with fewer.
const FACES_OF_PEER: usize = 200;
const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// A person whose photo is a file in memory.
struct Person {
    name: String,
    uuid: String,
    organisation: String,
    photo: Arc<Vec<u8>>,
}

/// Different people, the same in each run.
fn people() -> Vec<Person> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/portraits");
    let photos = ["amara", "daniel", "gareth", "noor"].map(|name| {
        let photo = std::fs::read(folder.join(name).with_extension("png"));
        Arc::new(photo.expect("the portraits are part of the project"))
    });
    let first = ["Amara", "Siân", "Łukasz", "Noor", "Zoë", "Daniel", "Ştefan"];
    let last = [
        "Kim",
        "O’Neill-Núñez",
        "Featherstonehaugh",
        "Al-Hashimi",
        "Bartholomew-Wynne",
    ];
    (0..FACES)
        .map(|number| Person {
            name: format!(
                "{} {} {number}",
                first[number % first.len()],
                last[number / 3 % last.len()]
            ),
            uuid: format!("{:012}", 555_000_000_000 + number * 7919),
            organisation: format!("Riverside Community Hospital, ward {}", number % 40),
            photo: Arc::clone(&photos[number % photos.len()]),
        })
        .collect()
}

fn data(person: &Person) -> FaceData {
    FaceData {
        name: person.name.clone(),
        uuid: person.uuid.clone(),
        organisation: person.organisation.clone(),
        photo: Some(Photo::from_bytes(&person.photo).expect("it is a photo")),
        ..FaceData::default()
    }
}

fn ours(renderer: &Renderer, template: &Template, people: &[Person], png: bool) -> usize {
    let batch = Batch {
        renderer,
        template,
        threads: THREADS,
    };
    batch
        .run(
            people,
            |person| Ok(data(person)),
            |_, _, face| {
                let face = face.expect("the face fits");
                if png {
                    black_box(face.picture.to_png().expect("it is a picture"));
                } else {
                    black_box(face.separation);
                }
                ControlFlow::Continue(())
            },
        )
        .expect("the template is drawn")
}

/// The built-in template with a person's texts and photo where the fields are.
fn svg(person: &Person) -> String {
    let (design, _) = Template::BUILTIN
        .split_once("<g id=\"fields\"")
        .expect("the fields come last");
    let text = |x: u32, y: u32, size: u32, weight: u32, words: &str| {
        format!(
            "<text x=\"{x}\" y=\"{y}\" font-family=\"Liberation Sans\" font-size=\"{size}\" font-weight=\"{weight}\">{words}</text>"
        )
    };
    format!(
        "{design}<image href=\"photo\" x=\"710\" y=\"166\" width=\"260\" height=\"328\" preserveAspectRatio=\"xMidYMid slice\"/>{}{}{}</svg>",
        text(270, 290, 40, 700, &person.name),
        text(270, 430, 22, 400, &person.organisation),
        text(44, 606, 40, 700, &person.uuid),
    )
}

/// resvg alone: parsing and drawing, nothing separated.
fn peer(fonts: &Arc<fontdb::Database>, people: &[Person]) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(person) = people.get(next.fetch_add(1, Ordering::Relaxed)) {
            let photo = Arc::clone(&person.photo);
            let options = Options {
                fontdb: Arc::clone(fonts),
                image_href_resolver: ImageHrefResolver {
                    resolve_string: Box::new(move |_, _| Some(ImageKind::PNG(Arc::clone(&photo)))),
                    ..ImageHrefResolver::default()
                },
                ..Options::default()
            };
            let tree = Tree::from_str(&svg(person), &options).expect("it is SVG");
            let mut pixmap =
                Pixmap::new(plastic::WIDTH, plastic::HEIGHT).expect("the size is not zero");
            pixmap.fill(Color::WHITE);
            let size = tree.size();
            let scale = Transform::from_scale(
                plastic::WIDTH as f32 / size.width(),
                plastic::HEIGHT as f32 / size.height(),
            );
            resvg::render(&tree, scale, &mut pixmap.as_mut());
            black_box(pixmap);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}

fn batch(criterion: &mut Criterion) {
    let people = people();
    let template = Template::builtin();
    let renderer = Renderer::default();
    let mut fonts = fontdb::Database::new();
    for font in ["LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fonts")
            .join(font);
        fonts.load_font_data(std::fs::read(path).expect("the font is there"));
    }
    let fonts = Arc::new(fonts);

    let mut group = criterion.benchmark_group("faces on two threads");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(FACES as u64));
    group.bench_function("1000 rendered and separated", |bencher| {
        bencher.iter(|| assert_eq!(ours(&renderer, &template, &people, false), FACES));
    });
    group.bench_function("1000 rendered, separated and encoded as PNG", |bencher| {
        bencher.iter(|| assert_eq!(ours(&renderer, &template, &people, true), FACES));
    });
    group.throughput(Throughput::Elements(FACES_OF_PEER as u64));
    group.bench_function("200 drawn by resvg alone", |bencher| {
        bencher.iter(|| peer(&fonts, &people[..FACES_OF_PEER]));
    });
    group.finish();
}

criterion_group!(benches, batch);
criterion_main!(benches);
