use serde::Serialize;

/// A column of an inventory. Only [`Column::Id`] has to be there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// What the machine is called.
    Id,
    /// Where it stands. Takes the place of an absent `id`.
    Site,
    /// The series of the cards used there: `8`, `08`, `series 8`.
    Series,
    /// `Identity Agent`, `Smartcard Connect`; both where both are installed.
    Client,
    /// Its version, `2.4.10.0`.
    ClientVersion,
    /// What is installed, in any words: `Oberthur`, `PIV minidriver`, `none`.
    Middleware,
    /// The version of Credential Management, or `none`.
    CredentialManagement,
    /// The printer's maker and model, or `none`.
    Printer,
    /// The Windows build: `22631`, `10.0.22631`, `10.0.22631.4169`.
    WindowsBuild,
    /// The TPM: `2.0`, `1.2`, `yes`, `none`.
    Tpm,
    /// Whether there is a camera: `yes` or `no`.
    Camera,
    /// Whether there is a fingerprint reader: `yes` or `no`.
    Fingerprint,
    /// Whether several people use the machine: `yes` or `no`.
    Shared,
    /// What the Spine applications there use: `CIS1`, `CIS2`, both.
    Applications,
    /// How many cards of the series are used there; 1 when left out.
    Cards,
}

impl Column {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Id,
        Self::Site,
        Self::Series,
        Self::Client,
        Self::ClientVersion,
        Self::Middleware,
        Self::CredentialManagement,
        Self::Printer,
        Self::WindowsBuild,
        Self::Tpm,
        Self::Camera,
        Self::Fingerprint,
        Self::Shared,
        Self::Applications,
        Self::Cards,
    ];

    /// The name in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Site => "site",
            Self::Series => "series",
            Self::Client => "client",
            Self::ClientVersion => "client version",
            Self::Middleware => "middleware",
            Self::CredentialManagement => "credential management",
            Self::Printer => "printer",
            Self::WindowsBuild => "windows build",
            Self::Tpm => "tpm",
            Self::Camera => "camera",
            Self::Fingerprint => "fingerprint reader",
            Self::Shared => "shared",
            Self::Applications => "applications",
            Self::Cards => "cards",
        }
    }

    /// Other names it goes by, as [`squeezed`].
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Id => &[
                "machine",
                "machineid",
                "device",
                "deviceid",
                "asset",
                "assettag",
                "hostname",
                "computer",
            ],
            Self::Site => &["siteid", "organisation", "ods", "odscode", "location"],
            Self::Series => &["cardseries", "smartcardseries"],
            Self::Client => &["smartcardclient", "clientsoftware"],
            Self::ClientVersion => &["version", "identityagentversion"],
            Self::Middleware => &[
                "cardmiddleware",
                "smartcardmiddleware",
                "driver",
                "minidriver",
            ],
            Self::CredentialManagement => &["credentialmanagementversion", "cm", "cmversion"],
            Self::Printer => &["printermodel", "cardprinter"],
            Self::WindowsBuild => &["windows", "windowsversion", "osbuild", "build"],
            Self::Tpm => &["tpmversion"],
            Self::Camera => &["hellocamera", "ircamera"],
            Self::Fingerprint => &["fingerprint"],
            Self::Shared => &["sharedmachine", "shareddevice"],
            Self::Applications => &["application", "apps", "uses"],
            Self::Cards => &["count", "cardcount", "countofcards", "numberofcards"],
        }
    }

    /// The column a header cell names. Case, spaces and punctuation do not count.
    #[must_use]
    pub fn named(cell: &str) -> Option<Self> {
        let cell = squeezed(cell);
        Self::ALL.into_iter().find(|column| {
            squeezed(column.name()) == cell || column.aliases().contains(&cell.as_str())
        })
    }
}

/// Only letters and digits, in lower case.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_however_it_is_written() {
        assert_eq!(
            Column::named(" Credential-Management_Version "),
            Some(Column::CredentialManagement)
        );
        assert_eq!(Column::named("MACHINE ID"), Some(Column::Id));
        assert_eq!(Column::named("colour"), None);
    }

    #[test]
    fn no_name_means_two_columns() {
        let mut all: Vec<String> = Vec::new();
        for column in Column::ALL {
            all.push(squeezed(column.name()));
            all.extend(column.aliases().iter().map(|&alias| alias.to_owned()));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
