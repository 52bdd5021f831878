//! The named bits of PKCS#15, and what they are called.

use std::fmt;

/// A set of named bits: bit n of the standard is worth 2^n.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $number:literal, $words:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: Self = Self(1 << $number);)*

            const WORDS: &'static [(u32, &'static str)] = &[$((1 << $number, $words)),*];

            /// Both together.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of these are set.
            #[must_use]
            pub const fn has(self, bits: Self) -> bool {
                self.0 & bits.0 == bits.0
            }
        }

        impl fmt::Display for $name {
            /// The names, with what has none as a number.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt_bits(self.0, Self::WORDS, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

fn fmt_bits(bits: u32, words: &[(u32, &str)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut left = bits;
    let mut separator = "";
    for (bit, word) in words {
        if bits & bit != 0 {
            write!(f, "{separator}{word}")?;
            separator = ", ";
            left &= !bit;
        }
    }
    match (left, separator) {
        (0, "") => f.write_str("none"),
        (0, _) => Ok(()),
        (left, separator) => write!(f, "{separator}{left:#X}"),
    }
}

flags! {
    /// What may be done with an object (PKCS#15 v1.1, 6.1.8, `CommonObjectFlags`).
    ObjectFlags {
        /// Readable only after authentication.
        PRIVATE = 0, "private";
        /// Can be changed.
        MODIFIABLE = 1, "modifiable";
    }
}

flags! {
    /// What a key is used for (PKCS#15 v1.1, 6.1.12, `KeyUsageFlags`).
    UsageFlags {
        /// Enciphers.
        ENCRYPT = 0, "encrypt";
        /// Deciphers.
        DECRYPT = 1, "decrypt";
        /// Signs.
        SIGN = 2, "sign";
        /// Signs so that the message can be recovered from the signature.
        SIGN_RECOVER = 3, "sign with recovery";
        /// Wraps keys.
        WRAP = 4, "wrap";
        /// Unwraps keys.
        UNWRAP = 5, "unwrap";
        /// Verifies.
        VERIFY = 6, "verify";
        /// Verifies and recovers the message.
        VERIFY_RECOVER = 7, "verify with recovery";
        /// Derives keys.
        DERIVE = 8, "derive";
        /// Signs what the holder stands by.
        NON_REPUDIATION = 9, "non-repudiation";
    }
}

flags! {
    /// How a key is kept (PKCS#15 v1.1, 6.1.12, `KeyAccessFlags`).
    KeyAccessFlags {
        /// Never shown in clear.
        SENSITIVE = 0, "sensitive";
        /// Can be read.
        EXTRACTABLE = 1, "extractable";
        /// Was never shown in clear.
        ALWAYS_SENSITIVE = 2, "always sensitive";
        /// Could never be read.
        NEVER_EXTRACTABLE = 3, "never extractable";
        /// Was made on the card.
        LOCAL = 4, "made on the card";
    }
}

flags! {
    /// How a passcode behaves (PKCS#15 v1.1, 6.8.2, `PinFlags`).
    PinFlags {
        /// Upper and lower case differ.
        CASE_SENSITIVE = 0, "case sensitive";
        /// Local to the application.
        LOCAL = 1, "local";
        /// Cannot be changed.
        CHANGE_DISABLED = 2, "cannot be changed";
        /// Cannot be unblocked.
        UNBLOCK_DISABLED = 3, "cannot be unblocked";
        /// Has been set.
        INITIALISED = 4, "initialised";
        /// Is padded to its stored length.
        NEEDS_PADDING = 5, "needs padding";
        /// Unblocks another passcode.
        UNBLOCKING = 6, "unblocking";
        /// Is the security officer's.
        SECURITY_OFFICER = 7, "security officer";
        /// Cannot be switched off.
        DISABLE_ALLOWED = 8, "may be switched off";
        /// Must go protected.
        INTEGRITY_PROTECTED = 9, "integrity protected";
        /// Must go enciphered.
        CONFIDENTIALITY_PROTECTED = 10, "confidentiality protected";
        /// Is exchanged for reference data.
        EXCHANGE_REFERENCE_DATA = 11, "exchange reference data";
    }
}

flags! {
    /// What a card can do (PKCS#15 v1.1, 6.9, `TokenFlags`).
    TokenFlags {
        /// Nothing can be written.
        READ_ONLY = 0, "read only";
        /// The holder must authenticate.
        LOGIN_REQUIRED = 1, "login required";
        /// Has a random number generator.
        RANDOM_SOURCE = 2, "random source";
        /// The structure follows EID.
        EID_COMPLIANT = 3, "EID compliant";
    }
}

flags! {
    /// What a rule of access is about (ISO/IEC 7816-15, 8.2.3, `AccessMode`).
    AccessModes {
        /// Reading.
        READ = 0, "read";
        /// Updating.
        UPDATE = 1, "update";
        /// Using: generating for a key.
        EXECUTE = 2, "execute";
        /// Deleting.
        DELETE = 3, "delete";
        /// Attributes.
        ATTRIBUTE = 4, "attribute";
        /// Computing a digital signature.
        SIGN = 5, "sign";
        /// Verifying a digital signature.
        VERIFY = 6, "verify";
        /// Deciphering.
        DECIPHER = 7, "decipher";
        /// Enciphering.
        ENCIPHER = 8, "encipher";
        /// INTERNAL AUTHENTICATE.
        INTERNAL_AUTHENTICATE = 9, "internal authenticate";
        /// EXTERNAL AUTHENTICATE.
        EXTERNAL_AUTHENTICATE = 10, "external authenticate";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_told_by_name_and_unknown_ones_by_number() {
        assert_eq!(UsageFlags(0x204).to_string(), "sign, non-repudiation");
        assert_eq!(ObjectFlags(0x82).to_string(), "modifiable, 0x80");
        assert_eq!(ObjectFlags(0).to_string(), "none");
    }
}
