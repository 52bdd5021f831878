//! `cardwright print` as an operator or a script runs it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plastic::Raster;
use serde_json::Value;

fn examples(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
        .display()
        .to_string()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cardwright"))
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn lint_finds_nothing_in_the_built_in_template_and_the_example_requests() {
    let requests = examples("requests.csv");
    let output = run(&["print", "lint", "builtin", "--requests", &requests]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("nothing found"));
}

#[test]
fn lint_names_line_and_element_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let template = path(&folder, "face.svg");
    std::fs::write(
        &template,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1016 642\">\n\
         <text id=\"head\" x=\"300\" y=\"90\" font-family=\"Frutiger\" fill=\"teal\">A</text>\n</svg>",
    )
    .unwrap();
    let output = run(&["--json", "print", "lint", &template]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let font = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["rule"] == "font-missing")
        .unwrap();
    assert_eq!(
        (&font["line"], &font["element"]),
        (&2.into(), &"head".into())
    );
    // And no field for name, photo and UUID.
    assert_eq!(report["errors"], 4);
    let text = stdout(&run(&["print", "lint", &template]));
    assert!(text.contains("face.svg:2 `head`"), "{text}");
}

#[test]
fn lint_warnings_end_with_1_only_when_strict() {
    let wave = examples("templates/wave.svg");
    for (strict, code) in [(&[][..], 0), (&["--strict"][..], 1)] {
        let arguments = [&["print", "lint", &wave], strict].concat();
        assert_eq!(run(&arguments).status.code(), Some(code));
    }
    let back = examples("templates/back.svg");
    let as_back = run(&["print", "lint", &back, "--side", "back", "--strict"]);
    assert_eq!(as_back.status.code(), Some(0), "{}", stdout(&as_back));
    assert_eq!(run(&["print", "lint", &back]).status.code(), Some(1));
    assert_eq!(
        run(&["print", "lint", "no-such.svg"]).status.code(),
        Some(2)
    );
}

/// A file of requests, with a photo that can be used, one that cannot and a row that is wrong.
fn requests(folder: &tempfile::TempDir, good: usize) -> PathBuf {
    std::fs::copy(examples("portraits/noor.png"), folder.path().join("p.png")).unwrap();
    std::fs::write(folder.path().join("text.png"), "Dear Sir").unwrap();
    let mut text = "request,uuid,name,photo,organisation\n".to_owned();
    for number in 0..good {
        writeln!(
            text,
            "R-{number},{:012},Person {number},p.png,Trust",
            555_000_000_000_u64 + number as u64
        )
        .unwrap();
    }
    text += "BAD-PHOTO,666000000001,Ann Lee,text.png,Trust\nBAD-ROW,6,Bo Day,p.png,Trust\n";
    let path = folder.path().join("people.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn lint_looks_at_the_rows_and_photos_of_a_request_file() {
    let folder = tempfile::tempdir().unwrap();
    Raster::white(100, 300)
        .write_png(&folder.path().join("w.png"))
        .unwrap();
    let file = requests(&folder, 1);
    let mut text = std::fs::read_to_string(&file).unwrap();
    text += "R-W,777000000001,Cy Eve,w.png,Trust\nR-中,777000000002,Cy Eve,w.png,Trust\n";
    text += "R-L,777000000003,Cy 中 Eve,p.png,Trust\n";
    std::fs::write(&file, text).unwrap();
    let output = run(&[
        "--json",
        "print",
        "lint",
        "builtin",
        "--requests",
        file.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let rows: Vec<(u64, &str)> = report["requests"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            (
                finding["row"].as_u64().unwrap(),
                finding["rule"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(rows, [(3, "photo"), (4, "row"), (6, "row")]);
    let told = report.to_string();
    assert!(
        told.contains("photo-small") && told.contains("photo-shape"),
        "{told}"
    );
    // The name with a character the font has not stands with the template's field.
    assert_eq!(report["findings"][0]["rule"], "text-unprintable");
    assert!(told.contains("request R-L (row 7)"), "{told}");
}

#[test]
fn batch_renders_what_can_be_and_reports_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = requests(&folder, 6);
    let faces = path(&folder, "faces");
    let output = run(&[
        "--json",
        "print",
        "batch",
        "--requests",
        file.to_str().unwrap(),
        "-o",
        &faces,
        "--jobs",
        "2",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let summary = json(&output);
    assert_eq!(summary["rendered"].as_array().unwrap().len(), 6);
    assert_eq!(summary["threads"], 2);
    assert!(summary["faces-per-second"].as_f64().unwrap() > 0.0);
    let failed = summary["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0]["request"], "BAD-PHOTO");
    assert_eq!(
        (&failed[1]["row"], &failed[1]["request"]),
        (&9.into(), &Value::Null)
    );
    let pictures: Vec<Raster> = (0..6)
        .map(|number| {
            let path = Path::new(&faces).join(format!("R-{number}.png"));
            Raster::read_png(&path).unwrap()
        })
        .collect();
    assert!(pictures.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!((pictures[0].width(), pictures[0].height()), (1016, 642));
    assert!(!Path::new(&faces).join("BAD-PHOTO.png").exists());
}

#[test]
fn batch_ends_with_4_when_nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = requests(&folder, 2);
    // A folder stands where the picture should go.
    std::fs::create_dir_all(folder.path().join("faces/R-0.png")).unwrap();
    let faces = path(&folder, "faces");
    let output = run(&[
        "print",
        "batch",
        "--requests",
        file.to_str().unwrap(),
        "-o",
        &faces,
    ]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("R-0.png"));
}

/// What `print preview` is given for the first person of the examples.
fn preview(more: &[&str]) -> Output {
    let requests = examples("requests.csv");
    let first = [
        "--json",
        "print",
        "preview",
        "--requests",
        &requests,
        "--request",
        "R-0001",
    ];
    run(&[&first, more].concat())
}

#[test]
fn a_sheet_has_front_and_back_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = path(&folder, "sheet.png");
    let output = preview(&[
        "-o",
        &sheet,
        "--sheet",
        "--back",
        &examples("templates/back.svg"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let report = json(&output);
    assert_eq!(report["picture"], sheet.as_str());
    assert_eq!(report["back"]["fields"][1]["lines"][0], "5551 0234 8712");
    let picture = Raster::read_png(Path::new(&sheet)).unwrap();
    assert!(picture.width() > 2 * plastic::WIDTH && picture.height() > plastic::HEIGHT);
}

#[test]
fn without_a_sheet_the_back_has_a_file_of_its_own_and_may_be_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let face = path(&folder, "face.png");
    let back = path(&folder, "mine.png");
    let mut drawn = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    drawn.set(500, 300, [10, 20, 30]);
    drawn.write_png(Path::new(&back)).unwrap();
    let output = preview(&["-o", &face, "--back", &back]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let beside = folder.path().join("face-back.png");
    assert_eq!(Raster::read_png(&beside).unwrap(), drawn);
    assert!(Path::new(&face).exists());
    Raster::white(20, 20).write_png(Path::new(&back)).unwrap();
    let output = preview(&["-o", &face, "--back", &back]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("20 x 20"), "{}", stdout(&output));
}

#[test]
fn a_damaged_colour_profile_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let profile = path(&folder, "printer.icc");
    std::fs::write(&profile, "Dear Sir").unwrap();
    let output = preview(&["-o", &path(&folder, "face.png"), "--icc", &profile]);
    assert_eq!(output.status.code(), Some(2));
    let told = stdout(&output);
    assert!(
        told.contains("printer.icc") && told.contains("no ICC profile"),
        "{told}"
    );
}
