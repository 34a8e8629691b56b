//! The shades of an organisation's colour that can be read: dark enough on light pages, light enough on dark ones. Pure.

use std::fmt::Write as _;

use purser_core::tenants::Accent;

/// The least contrast of letters that a page of ours has (WCAG 2.2, 1.4.3 asks for 4.5), with room for rounding.
const READABLE: f64 = 4.6;

const WHITE: Shade = Shade([255.0; 3]);
const BLACK: Shade = Shade([0.0; 3]);
/// The darkest ground of the light pages, and the lightest of the dark ones, as `console.css` has them.
const LIGHT_SUNK: Shade = Shade([240.0, 241.0, 238.0]);
const DARK_SUNK: Shade = Shade([34.0, 39.0, 43.0]);
const DARK_PAPER: Shade = Shade([26.0, 30.0, 33.0]);

/// A colour, its parts from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shade([f64; 3]);

/// The shades of one colour on pages of one kind.
#[derive(Clone, Copy, Debug)]
struct Shades {
    accent: Shade,
    strong: Shade,
    on_accent: Shade,
    soft: Shade,
}

/// The stylesheet that stands after the program's own.
pub(super) fn stylesheet(accent: Accent) -> String {
    let colour = Shade([accent.red, accent.green, accent.blue].map(f64::from));
    let mut sheet = String::with_capacity(400);
    let rules = |shades: Shades| {
        let [accent, strong, on, soft] =
            [shades.accent, shades.strong, shades.on_accent, shades.soft].map(Shade::written);
        format!(":root{{--accent:{accent};--accent-strong:{strong};--on-accent:{on};--accent-soft:{soft}}}")
    };
    let (light, dark) = (rules(Shades::light(colour)), rules(Shades::dark(colour)));
    // Writing into a text does not fail.
    let _ = write!(sheet, "@media screen{{{light}}}@media screen and (prefers-color-scheme:dark){{{dark}}}");
    sheet
}

impl Shades {
    fn light(colour: Shade) -> Self {
        let accent = colour.until(BLACK, |shade| shade.contrast(LIGHT_SUNK) >= READABLE);
        let soft = WHITE.mixed(accent, 0.12);
        let strong = accent.mixed(BLACK, 0.2).until(BLACK, |shade| shade.contrast(soft) >= READABLE);
        Self { accent, strong, on_accent: WHITE, soft }
    }

    fn dark(colour: Shade) -> Self {
        let accent = colour.until(WHITE, |shade| shade.contrast(DARK_SUNK) >= 5.5);
        let soft = DARK_PAPER.mixed(accent, 0.18);
        let strong = accent.mixed(WHITE, 0.3).until(WHITE, |shade| shade.contrast(soft) >= READABLE);
        let on_accent = accent.mixed(BLACK, 0.8).until(BLACK, |shade| shade.contrast(accent) >= READABLE);
        Self { accent, strong, on_accent, soft }
    }
}

impl Shade {
    /// The first shade on the way to another that is as it should be; the other if none before is.
    fn until(self, end: Self, good: impl Fn(Self) -> bool) -> Self {
        let steps = (0..40_u8).map(|step| self.mixed(end, f64::from(step) / 40.0).rounded());
        steps.into_iter().find(|shade| good(*shade)).unwrap_or(end)
    }

    fn mixed(self, other: Self, share: f64) -> Self {
        let mut parts = self.0;
        for (part, other) in parts.iter_mut().zip(other.0) {
            *part += (other - *part) * share;
        }
        Self(parts).rounded()
    }

    fn rounded(self) -> Self {
        Self(self.0.map(f64::round))
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = part / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2, contrast ratio: 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(other) / one.min(other)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the parts are whole and from 0 to 255"
    )]
    fn written(self) -> String {
        let [red, green, blue] = self.0.map(|part| part.clamp(0.0, 255.0) as u8);
        Accent { red, green, blue }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_colour_that_can_be_read_is_shown_as_it_is() {
        let sheet = stylesheet("#14556b".parse().unwrap());
        assert!(sheet.starts_with("@media screen{:root{--accent:#14556b;"), "{sheet}");
        assert!(sheet.len() < 500, "{sheet}");
        // Yellow on white cannot.
        assert!(!stylesheet("#ffe600".parse().unwrap()).contains("light{--accent:#ffe600"));
    }

    #[test]
    fn contrast_is_as_the_standard_has_it() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((Shade([118.0; 3]).contrast(WHITE) - 4.54).abs() < 0.01);
    }

    proptest! {
        #[test]
        fn every_colour_has_shades_that_can_be_read(red: u8, green: u8, blue: u8) {
            let colour = Shade([red, green, blue].map(f64::from));
            let (light, dark) = (Shades::light(colour), Shades::dark(colour));
            for ground in [WHITE, LIGHT_SUNK] {
                prop_assert!(light.accent.contrast(ground) >= 4.5);
                prop_assert!(light.strong.contrast(ground) >= 4.5);
            }
            for ground in [DARK_PAPER, DARK_SUNK] {
                prop_assert!(dark.accent.contrast(ground) >= 4.5);
                prop_assert!(dark.strong.contrast(ground) >= 4.5);
            }
            for shades in [light, dark] {
                prop_assert!(shades.on_accent.contrast(shades.accent) >= 4.5);
                prop_assert!(shades.on_accent.contrast(shades.strong) >= 4.5);
                prop_assert!(shades.strong.contrast(shades.soft) >= 4.5);
            }
        }
    }
}
