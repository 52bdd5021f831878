use std::time::Duration;

use iso7816::LinkError;
use pcsc::Error;

/// What was being done when an error came, which decides what it means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum During {
    /// Asking for readers and their states, waiting, connecting.
    Connecting,
    /// Talking to a connected card.
    Talking,
}

/// The link error for what PC/SC said about `reader` after `waited`.
pub(crate) fn link_error(
    error: Error,
    during: During,
    reader: &str,
    waited: Duration,
) -> LinkError {
    let reader = reader.to_owned();
    match error {
        Error::NoService
        | Error::ServiceStopped
        | Error::Shutdown
        | Error::ServerTooBusy
        | Error::InvalidHandle => LinkError::NoService {
            detail: error.to_string(),
        },
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => {
            LinkError::ReaderGone { reader }
        }
        Error::NoSmartcard | Error::RemovedCard | Error::NotReady => match during {
            During::Connecting => LinkError::NoCard { reader },
            During::Talking => LinkError::CardRemoved { reader },
        },
        // An unpowered card has lost its security status just as a reset one.
        // So it has when the service knows nothing any more of what was begun with it.
        Error::ResetCard | Error::UnpoweredCard | Error::NotTransacted => {
            LinkError::CardReset { reader }
        }
        Error::UnresponsiveCard | Error::InvalidAtr | Error::UnsupportedCard => {
            LinkError::CardMute { reader }
        }
        Error::SharingViolation => LinkError::SharedElsewhere { reader },
        Error::Timeout | Error::WaitedTooLong => LinkError::Timeout {
            reader,
            milliseconds: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
        },
        Error::Cancelled | Error::CancelledByUser | Error::SystemCancelled => {
            LinkError::Cancelled { reader }
        }
        other => LinkError::Failed {
            reader,
            detail: other.to_string(),
        },
    }
}

/// Whether the context is of no more use: the service stopped or was started anew.
pub(crate) fn needs_new_context(error: Error) -> bool {
    matches!(
        error,
        Error::NoService
            | Error::ServiceStopped
            | Error::Shutdown
            | Error::InvalidHandle
            | Error::CommError
    )
}

#[cfg(test)]
mod tests {
    use ground::{Blame, Blamed};

    use super::*;

    fn map(error: Error, during: During) -> LinkError {
        link_error(error, during, "R", Duration::from_millis(1500))
    }

    #[test]
    fn every_condition_has_its_own_link_error() {
        let reader = || "R".to_owned();
        for (error, expected) in [
            (
                Error::RemovedCard,
                LinkError::CardRemoved { reader: reader() },
            ),
            (
                Error::NoSmartcard,
                LinkError::CardRemoved { reader: reader() },
            ),
            (Error::ResetCard, LinkError::CardReset { reader: reader() }),
            (
                Error::UnpoweredCard,
                LinkError::CardReset { reader: reader() },
            ),
            (
                Error::NotTransacted,
                LinkError::CardReset { reader: reader() },
            ),
            (
                Error::UnresponsiveCard,
                LinkError::CardMute { reader: reader() },
            ),
            (
                Error::SharingViolation,
                LinkError::SharedElsewhere { reader: reader() },
            ),
            (
                Error::ReaderUnavailable,
                LinkError::ReaderGone { reader: reader() },
            ),
            (
                Error::UnknownReader,
                LinkError::ReaderGone { reader: reader() },
            ),
            (Error::Cancelled, LinkError::Cancelled { reader: reader() }),
            (
                Error::Timeout,
                LinkError::Timeout {
                    reader: reader(),
                    milliseconds: 1500,
                },
            ),
        ] {
            assert_eq!(map(error, During::Talking), expected, "{error:?}");
        }
    }

    #[test]
    fn an_empty_reader_is_no_removed_card() {
        for error in [Error::NoSmartcard, Error::RemovedCard] {
            assert_eq!(
                map(error, During::Connecting),
                LinkError::NoCard {
                    reader: "R".to_owned()
                }
            );
        }
    }

    #[test]
    fn a_stopped_service_is_named_and_asks_for_a_new_context() {
        for error in [
            Error::NoService,
            Error::ServiceStopped,
            Error::InvalidHandle,
        ] {
            assert!(matches!(
                map(error, During::Connecting),
                LinkError::NoService { .. }
            ));
            assert!(needs_new_context(error));
        }
        assert!(!needs_new_context(Error::NoSmartcard));
    }

    #[test]
    fn anything_else_keeps_the_words_of_the_service_and_blames_the_reader() {
        let error = map(Error::ProtoMismatch, During::Connecting);
        assert_eq!(error.blame(), Blame::ReaderFault);
        assert!(
            error
                .to_string()
                .contains(&Error::ProtoMismatch.to_string())
        );
    }
}
