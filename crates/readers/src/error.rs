use iso7816::LinkError;
use pcsc::Error;

/// What a PC/SC error means for whoever uses the reader.
pub(crate) fn link_error(error: Error, reader: &str) -> LinkError {
    let reader = reader.to_owned();
    match error {
        Error::NoService | Error::ServiceStopped | Error::Shutdown | Error::InvalidHandle => {
            LinkError::NoService {
                detail: error.to_string(),
            }
        }
        Error::UnknownReader | Error::ReaderUnavailable => LinkError::ReaderGone { reader },
        Error::NoReadersAvailable => LinkError::NoReader {
            reader,
            present: Vec::new(),
        },
        Error::NoSmartcard | Error::NotReady => LinkError::NoCard { reader },
        Error::RemovedCard => LinkError::CardRemoved { reader },
        Error::ResetCard => LinkError::CardReset { reader },
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::InvalidAtr => {
            LinkError::CardMute { reader }
        }
        Error::SharingViolation => LinkError::SharedElsewhere { reader },
        other => LinkError::Failed {
            reader,
            detail: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_an_operator_can_mend_is_told_apart() {
        let reader = || "r".to_owned();
        let table = [
            (Error::NoSmartcard, LinkError::NoCard { reader: reader() }),
            (
                Error::RemovedCard,
                LinkError::CardRemoved { reader: reader() },
            ),
            (Error::ResetCard, LinkError::CardReset { reader: reader() }),
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
        ];
        for (error, expected) in table {
            assert_eq!(link_error(error, "r"), expected);
        }
        assert!(matches!(
            link_error(Error::NoService, "r"),
            LinkError::NoService { .. }
        ));
        assert!(matches!(
            link_error(Error::CommError, "r"),
            LinkError::Failed { .. }
        ));
    }
}
