use plastic::Raster;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const HEADER: &str = "request,uuid,name,photo,organisation\n";

/// A folder with a usable photo `p.png` and a file that is no picture.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Raster::white(120, 160)
        .write_png(&folder.path().join("p.png"))
        .unwrap();
    std::fs::write(folder.path().join("text.png"), "no picture").unwrap();
    folder
}

/// The system's words for a file that is not there.
fn missing_file() -> std::io::Error {
    File::open("/there/is/no/such/file").unwrap_err()
}

fn read_in(folder: &TempDir, content: impl AsRef<[u8]>) -> Result<Requests, RequestsError> {
    let path = folder.path().join("requests.csv");
    std::fs::write(&path, content).unwrap();
    read(&path)
}

/// The messages about a content, the folder's path replaced by `DIR`.
fn messages(content: impl AsRef<[u8]>) -> Vec<String> {
    let folder = folder();
    match read_in(&folder, content) {
        Ok(requests) => panic!("accepted: {requests:?}"),
        Err(RequestsError::Invalid { problems, .. }) => problems
            .iter()
            .map(|problem| {
                problem
                    .to_string()
                    .replace(&folder.path().display().to_string(), "DIR")
            })
            .collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_file_that_is_no_text_is_answered_with_that_alone() {
    for content in [&b"PK\x03\x04\0\0junk"[..], b"\xFF\xFEr\0e\0q\0"] {
        assert_eq!(
            messages(content),
            ["row 1: the file is no text; save it as CSV with the encoding UTF-8"]
        );
    }
}

#[test]
fn a_survey_keeps_the_good_rows_and_leaves_photos_alone() {
    let folder = folder();
    let path = folder.path().join("requests.csv");
    let content = format!(
        "{HEADER}R1,555102348712,Ann Lee,p.png,Trust\n\
         R2,55510234871,Ann Lee,p.png,Trust\n\
         R3,555277160922,Bo Day,none.png,Trust\n\
         R1,555382904159,Cy Eve,p.png,Trust\n"
    );
    std::fs::write(&path, content).unwrap();
    let survey = survey(&path).unwrap();
    let kept: Vec<_> = survey
        .requests
        .iter()
        .map(|(row, request)| (*row, request.id.as_str()))
        .collect();
    assert_eq!(kept, [(2, "R1"), (4, "R3")]);
    let rows: Vec<u64> = survey.problems.iter().map(|problem| problem.row).collect();
    assert_eq!(rows, [3, 5]);
    // Nothing can be read under a header that lacks a column.
    std::fs::write(&path, "request,uuid\nR1,555102348712\n").unwrap();
    assert!(Survey::read_csv(&path).is_err());
}

#[test]
fn a_good_file_is_read_in_its_order() {
    let folder = folder();
    let requests = read_in(
        &folder,
        "series,name,request,uuid,organisation,photo\n\
         10,Zoë O’Neill-Müller,R1,555253521108,\"Trust, Example\",p.png\n\
         , Anna Bee ,R2,555253521109,Example,p.png\n",
    )
    .unwrap();
    assert_eq!(requests.requests.len(), 2);
    let first = &requests.requests[0];
    assert_eq!(first.id.as_str(), "R1");
    assert_eq!(first.user.as_str(), "555253521108");
    assert_eq!(first.name, "Zoë O’Neill-Müller");
    assert_eq!(first.organisation, "Trust, Example");
    assert_eq!(first.photo, folder.path().join("p.png"));
    assert_eq!(first.series, Some(10));
    assert_eq!(requests.requests[1].name, "Anna Bee");
    assert_eq!(requests.requests[1].series, None);
}

#[test]
fn a_wrong_check_digit_warns_and_refuses_nothing() {
    let requests = read_in(
        &folder(),
        format!("{HEADER}R1,555253521109,A,p.png,Example\n"),
    )
    .unwrap();
    assert_eq!(requests.requests.len(), 1);
    assert_eq!(
        requests.warnings[0].to_string(),
        "row 2, column `uuid`: UUID `555253521109` ends in 9, the other digits call for 8; is it mistyped?"
    );
}

#[test]
fn a_byte_order_mark_is_tolerated() {
    let content = format!("\u{FEFF}{HEADER}R1,555253521108,A,p.png,Example\n");
    assert_eq!(read_in(&folder(), content).unwrap().requests.len(), 1);
}

#[test]
fn every_problem_of_a_file_is_named_at_once() {
    let long = "x".repeat(52);
    let found = messages(format!(
        "{HEADER}\
         R1,555253521108,A,p.png,Example\n\
         R1,555253521108,,p.png,Example\n\
         a b,1234,{long},missing.png,Example\n\
         R5,555253521124,A,text.png,Example\n\
         R6,555253521132,A,p.png\n"
    ));
    assert_eq!(
        found[..7],
        [
            "row 3, column `name`: the field is empty",
            "row 3, column `request`: request `R1` stands in row 2 already",
            "row 3, column `uuid`: UUID `555253521108` stands in row 2 already; a person gets one card",
            "row 4, column `request`: `a b` is no request reference: a request reference is 1 to 40 letters, digits, `-`, `_` or `.` and starts with a letter or digit",
            "row 4, column `uuid`: `1234` is no UUID: a UUID is exactly 12 digits",
            "row 4, column `name`: the name has 52 characters, at most 51 fit beside the UUID in a certificate",
            &format!(
                "row 4, column `photo`: failed to read photo `DIR/missing.png`: {}",
                missing_file()
            ),
        ]
    );
    assert_eq!(
        found[7..],
        [
            "row 5, column `photo`: photo `DIR/text.png` (10 bytes) is neither PNG nor JPEG",
            "row 6: the row has 4 fields, the header has 5",
        ]
    );
}

#[test]
fn bad_headers_are_explained() {
    let known = "`request`, `uuid`, `name`, `photo`, `organisation`, `series`";
    for (content, expected) in [
        (
            "",
            vec![format!(
                "row 1: the file is empty; the first row must name the columns: {known}"
            )],
        ),
        (
            "request;uuid;name;photo;organisation\n",
            vec!["row 1: the columns are separated by semicolons; save the file with commas between the columns".to_owned()],
        ),
        (
            "request,uuid,name,photo,organisation,colour\n",
            vec![format!("row 1: unknown column `colour`; known columns: {known}")],
        ),
        (
            "request,uuid,uuid,photo,organisation\n",
            vec![
                "row 1, column `uuid`: the column is named twice".to_owned(),
                "row 1, column `name`: the column is missing".to_owned(),
            ],
        ),
        (
            HEADER,
            vec!["row 1: there are no requests below the header".to_owned()],
        ),
    ] {
        assert_eq!(messages(content), expected, "{content}");
    }
}

#[test]
fn text_that_is_not_utf8_or_has_control_characters_is_refused_with_its_row() {
    let mut content = HEADER.as_bytes().to_vec();
    content.extend(b"R1,555253521108,Zo\xEB,p.png,Example\n");
    content.extend(b"R2,555253521116,\"A\nB\",p.png,Example\n");
    content.extend(b"R3,555253521124,A,p.png,Example\n");
    assert_eq!(
        messages(content)[..2],
        [
            "row 2, column `name`: the text is not UTF-8; save the file with the encoding UTF-8",
            "row 3, column `name`: the text contains a line break or another control character",
        ]
    );
}

#[test]
fn a_series_must_be_a_number() {
    assert_eq!(
        messages(
            "request,uuid,name,photo,organisation,series\nR1,555253521108,A,p.png,Example,ten\n"
        ),
        [
            "row 2, column `series`: `ten` is no series; write a number such as 9 or 10, or leave the field empty"
        ]
    );
}

#[test]
fn a_file_that_is_too_large_or_missing_is_an_error_of_its_own() {
    let folder = folder();
    let too_large = vec![b'x'; usize::try_from(MAX_FILE_SIZE).unwrap() + 1];
    assert!(matches!(
        read_in(&folder, too_large),
        Err(RequestsError::TooLarge { bytes, .. }) if bytes == MAX_FILE_SIZE + 1
    ));
    assert!(matches!(
        read(&folder.path().join("nothing.csv")),
        Err(RequestsError::Read { .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Parser::new(Path::new("nowhere"), Photos::Decoded).parse(&bytes);
    }

    #[test]
    fn any_rows_below_a_good_header_are_answered(
        rows in proptest::collection::vec("[a-zR0-9,\"\n ;é]{0,60}", 0..10)
    ) {
        let content = format!("{HEADER}{}", rows.join("\n"));
        for photos in [Photos::Decoded, Photos::Left] {
            match Parser::new(Path::new("nowhere"), photos).parse(content.as_bytes()) {
                Err(problems) => prop_assert!(!problems.is_empty()),
                // There is no photo in that folder.
                Ok(survey) if photos == Photos::Decoded => {
                    prop_assert!(survey.requests.is_empty() && !survey.problems.is_empty());
                }
                Ok(_) => {}
            }
        }
    }
}
