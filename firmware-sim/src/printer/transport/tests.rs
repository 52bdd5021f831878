use ground::Virtual;

use super::*;

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(1))
}

#[test]
fn every_card_is_found_again_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Transport::open(folder.path(), 100, 5, ambient());
    let mut transport = open().unwrap();
    assert!(matches!(open(), Err(StateError::InUse { .. })));
    assert_eq!(transport.draw().unwrap(), Some(100));
    transport.move_to(Place::Output).unwrap();
    assert_eq!(transport.draw().unwrap(), Some(101));
    transport.move_to(Place::PrintHead).unwrap();
    transport
        .count(Counters {
            cards_printed: 1,
            film_used: 2,
            ..Counters::default()
        })
        .unwrap();
    drop(transport);
    let mut transport = open().unwrap();
    assert_eq!(transport.inside(), Some((101, Place::PrintHead)));
    assert_eq!(transport.place_of(100), Some(Place::Output));
    assert_eq!(transport.place_of(104), Some(Place::Hopper));
    assert_eq!(transport.place_of(105), None);
    assert_eq!(transport.left(), 3);
    assert_eq!(transport.counters().film_used, 2);
    transport.move_to(Place::Output).unwrap();
    assert_eq!(transport.draw().unwrap(), Some(102));
    assert_eq!(transport.cards_at(Place::Output), [100, 101]);
}

#[test]
fn an_empty_hopper_gives_nothing_until_it_is_loaded() {
    let mut transport = Transport::new(1, 1, ambient());
    assert_eq!(transport.draw().unwrap(), Some(1));
    transport.move_to(Place::Output).unwrap();
    assert_eq!(transport.draw().unwrap(), None);
    transport.load(2).unwrap();
    assert_eq!(transport.draw().unwrap(), Some(2));
}

#[test]
fn a_state_of_another_version_or_none_at_all_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        r#"{"version":3}"#,
        "no json",
        r#"{"version":1,"next":1,"left":1,"counters":{"cards_printed":0,"film_used":0},
            "cards":{"7":"contacts","8":"standby"}}"#,
    ] {
        fs::write(folder.path().join(STATE_FILE), text).unwrap();
        assert!(matches!(
            Transport::open(folder.path(), 1, 1, ambient()),
            Err(StateError::Damaged { .. })
        ));
    }
}
