//! Statements: [`TenantSql`], which ties itself to a tenant or does not compile, and [`SystemSql`], the short list that sees every tenant.

/// A statement about one tenant. The store binds the tenant as `?1`; other arguments start at `?2`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TenantSql(&'static str);

impl TenantSql {
    /// Refuses, while compiling, a text that neither filters by nor inserts under `?1`.
    pub(crate) const fn new(text: &'static str) -> Self {
        let filters = contains(text, "tenant_id = ?1");
        let inserts =
            contains(text, "(tenant_id, ") && (contains(text, "VALUES (?1, ") || contains(text, "SELECT ?1, "));
        assert!(filters || inserts, "a tenant statement must tie tenant_id to ?1");
        Self(text)
    }

    pub(crate) const fn text(self) -> &'static str {
        self.0
    }
}

/// A statement that may see every tenant: sign-in, start-up, the admin realm. Arguments start at `?1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemSql(&'static str);

impl SystemSql {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub(crate) const fn text(self) -> &'static str {
        self.0
    }
}

/// A statement by name, for the tests that prepare each one on both databases and print the system ones.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// `tenant` or `system`.
    pub kind: &'static str,
    /// Its constant's name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Declares a feature's statements as constants, and `ALL`, the list of them for the tests.
macro_rules! statements {
    ($($(#[$doc:meta])* $kind:ident $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: statements!(@type $kind) = <statements!(@type $kind)>::new($text);)*
        pub(crate) const ALL: &[$crate::store::statement::Listed] = &[
            $($crate::store::statement::Listed { kind: stringify!($kind), name: stringify!($name), text: $text },)*
        ];
    };
    (@type tenant) => { $crate::store::statement::TenantSql };
    (@type system) => { $crate::store::statement::SystemSql };
}
pub(crate) use statements;

const fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut length = 0;
        while length < part.len() && byte(text, start + length) == byte(part, length) {
            length += 1;
        }
        if length == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

#[expect(clippy::indexing_slicing, reason = "slices have no const access but this; the loops above stay inside")]
const fn byte(text: &[u8], at: usize) -> u8 {
    text[at]
}
