//! Passwords at the command line: read from standard input, or made.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use purser_core::env::Entropy;
use purser_core::secret::Secret;

use super::Failure;

/// More than any password may have; a wrong file must not fill the memory.
const LONGEST_LINE: u16 = 4_096;
/// Letters and digits that cannot be mistaken for one another when read out: 32 of them, 5 bits each.
const LETTERS: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p',
    'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// Where a new password comes from.
#[derive(Debug)]
pub(crate) enum Given {
    /// From whoever runs the command.
    Typed(Secret),
    /// Nobody gave one: make it, and print it once.
    Nothing,
}

/// The password on standard input if the flag says that there is one.
///
/// # Errors
/// If it cannot be read, or would be seen on a screen while it is typed.
pub(super) fn from(password_stdin: bool) -> Result<Given, Failure> {
    if !password_stdin {
        return Ok(Given::Nothing);
    }
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage("--password-stdin would show the password on this terminal while you type it")
            .hint(
                "send it through a pipe or from a file, or leave --password-stdin out: then one is made and printed",
            ));
    }
    let mut line = String::with_capacity(LONGEST_LINE.into());
    let input = std::io::stdin().lock().take(LONGEST_LINE.into()).read_line(&mut line);
    input.map_err(|fault| Failure::new(format!("the password cannot be read from standard input: {fault}")))?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(Given::Typed(Secret::new(line)))
}

/// Makes a password nobody can guess: 125 bits, more where more characters are asked for.
pub(crate) fn make(entropy: &dyn Entropy, least: usize) -> Secret {
    let length = least.clamp(25, 100);
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes);
    let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    let mut text = String::with_capacity(2 * length);
    for (index, letter) in letters.enumerate() {
        if index > 0 && index % 5 == 0 {
            text.push('-');
        }
        text.push(*letter);
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use purser_core::env::SeededEntropy;

    use super::*;

    #[test]
    fn a_made_password_is_easy_to_read_out_and_as_long_as_asked() {
        let short = make(&SeededEntropy::new(1), 8);
        assert_eq!(short.reveal().len(), 29);
        assert!(short.reveal().split('-').all(|group| group.len() == 5), "{}", short.reveal());
        for least in [26, 64, 100, 128] {
            let length = make(&SeededEntropy::new(2), least).reveal().len();
            assert!(length >= least.min(119) && length <= 128, "{least}: {length}");
        }
        assert_ne!(short, make(&SeededEntropy::new(2), 8));
    }
}
