use authentic::secrets::OfficerPasscode;
use piv::secrets::{AdminKey, Puk};

/// What gives a locked card a new passcode, by its application.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnlockSecret {
    /// The PIN unblocking key of a PIV card.
    Puk(Puk),
    /// The security officer's passcode (SO PIN) of an AuthentIC card.
    Officer(OfficerPasscode),
}

/// What opens a card for writing, by its application.
#[derive(Clone, Debug)]
pub enum AdminSecret {
    /// The administration key of a PIV card.
    Key(AdminKey),
    /// The security officer's passcode (SO PIN) of an AuthentIC card.
    Officer(OfficerPasscode),
}
