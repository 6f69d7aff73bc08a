//! English and Chinese: every sentence of the lab exists in both.

/// The language of a telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Chinese, in simplified characters.
    Zh,
}

impl Lang {
    /// The language of a locale's name as `LC_ALL`, `LC_MESSAGES` or `LANG` hold it: Chinese for
    /// `zh`, `zh_CN.UTF-8`, `zh-TW`, English for all else.
    pub fn from_locale(locale: &str) -> Lang {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") { Lang::Zh } else { Lang::En }
    }
}

/// A fixed sentence in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
}

impl Text {
    /// A fixed sentence: English, then Chinese.
    pub const fn new(en: &'static str, zh: &'static str) -> Text {
        Text { en, zh }
    }

    /// The sentence in one of them.
    pub fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

/// A sentence made from figures, in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Say {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Say {
    /// The sentence in one of them.
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

impl From<Text> for Say {
    fn from(text: Text) -> Say {
        Say { en: text.en.into(), zh: text.zh.into() }
    }
}

/// A call with its result is the same in every language.
impl From<String> for Say {
    fn from(call: String) -> Say {
        Say { en: call.clone(), zh: call }
    }
}

/// A [`Say`] from two format strings, English then Chinese; both capture the same names.
macro_rules! say {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::lang::Say { en: format!($en), zh: format!($zh) }
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_chooses_the_language() {
        for zh in ["zh", "zh_CN.UTF-8", "zh-TW", "ZH_HK", "zh.UTF-8"] {
            assert_eq!(Lang::from_locale(zh), Lang::Zh, "{zh}");
        }
        for en in ["", "C", "POSIX", "en_GB.UTF-8", "de_DE", "zha_CN"] {
            assert_eq!(Lang::from_locale(en), Lang::En, "{en}");
        }
    }
}
