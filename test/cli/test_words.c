/* The words of ils in both languages: every verdict, outcome and alarm of the core's tables as ilsd
 * says it, and as ils says it anew. */
#include "cli/words.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "daemon/render.h"

static void speak(const char *locale)
{
    unsetenv("LANGUAGE");
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    setenv("LANG", locale, 1);
    words_start();
}

static const enum code codes[] = {
#define CODE(number, name, cause, remedy, at) CODE_##name,
#include "core/code.def"
#undef CODE
};
#define CODES (sizeof codes / sizeof *codes)

static struct verdict sample(enum code code)
{
    return (struct verdict){
        .code = code,
        .id = {0xab, 0xcd, 1, 2, 3, 4, 5, 6},
        .dialler = true,
        .peer = {"10.0.0.5", 7501},
        .local = {"::1", 40000},
        .host = slice_of("hub.example.com"),
        .port = 7501,
        .generation = 7,
        .retry_after = 42,
        .name = slice_of("ils.osaka.example.com"),
        .rule = RULE_ROOT,
        .method = METHOD_TLS_PASSWORD,
    };
}

#define EVIDENCE                                                                                   \
    "hub.example.com ポート 7501 へ発信、到達先 10.0.0.5 ポート 7501、発信元 ::1 ポート 40000、"   \
    "パスワードの世代 7"

/* The verdict as ilsd sends it: in English, whatever is spoken here. */
static json_t *sent(const struct verdict *v)
{
    render_language(NULL);
    json_t *json = render_verdict_json(v, slice_of("tokyo"));
    words_start();
    return json;
}

/* A byte of a character that is not ASCII. */
static bool is_foreign(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return true;
    return false;
}

static void verdicts_in_english(void **state)
{
    char text[WORDS_TEXT_MAX];
    speak("C");
    assert_false(words_foreign());
    for (size_t i = 0; i < CODES; i++) {
        struct verdict v = sample(codes[i]);
        json_t *json = sent(&v);
        words_cause(text, sizeof text, json);
        assert_string_equal(text, text_of(json, "cause"));
        assert_null(strchr(text, '{'));
        assert_false(is_foreign(text));
        words_evidence(text, sizeof text, json);
        assert_string_equal(text, text_of(json, "evidence"));
        json_decref(json);
    }
}

static void verdicts_in_japanese(void **state)
{
    static const char *const values[][2] = {
        {"{host}", "hub.example.com"}, {"{port}", "7501"}, {"{generation}", "7"},
        {"{name}", "ils.osaka.example.com"}, {"{retry}", "42"}, {"{method}", "tls+password"},
    };
    static const char *const templates[] = {
#define CODE(number, name, cause, remedy, at) cause,
#include "core/code.def"
#undef CODE
    };
    char text[WORDS_TEXT_MAX];
    speak("ja_JP.UTF-8");
    assert_true(words_foreign());
    for (size_t i = 0; i < CODES; i++) {
        struct verdict v = sample(codes[i]);
        json_t *json = sent(&v);
        words_cause(text, sizeof text, json);
        assert_true(is_foreign(text));
        assert_null(strchr(text, '{'));
        for (size_t n = 0; n < sizeof values / sizeof *values; n++)
            if (strstr(templates[i], values[n][0]) != NULL)
                assert_non_null(strstr(text, values[n][1]));
        words_evidence(text, sizeof text, json);
        assert_string_equal(text, codes[i] == CODE_JOINED ? EVIDENCE : EVIDENCE "、こちら側で検出");
        json_decref(json);
    }
}

/* The document's own words where it has them. */
static void words_of_the_document(void **state)
{
    static const struct {
        enum code code;
        const char *word;
    } rows[] = {
        {CODE_PASSWORD_DIFFERS, "パスワードの不一致"}, {CODE_PASSWORD_MISSING, "パスワードを使用"},
        {CODE_SELF_SIGNED, "自己署名"},               {CODE_SELF_SIGNED, "証明書検証の失敗"},
        {CODE_SELF_SIGNED, "インポート"},             {CODE_OTHER_NETWORK, "ILSネットワーク"},
        {CODE_NO_CHAIN, "ルート証明書"},              {CODE_NOT_A_HUB, "ハブ"},
    };
    char text[WORDS_TEXT_MAX];
    speak("ja");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict v = sample(rows[i].code);
        render_cause(text, sizeof text, &v);
        assert_non_null(strstr(text, rows[i].word));
    }
    assert_string_equal(_("Use TLS Certificates"), "TLS証明書を使用");
    assert_string_equal(_("Use Password"), "パスワードを使用");
}

static void rules_in_japanese(void **state)
{
    speak("ja_JP.UTF-8");
    for (enum cert_rule r = RULE_NONE; r <= RULE_INVITE; r++) {
        struct verdict v = sample(CODE_JOINED);
        char text[WORDS_TEXT_MAX];
        v.rule = r;
        json_t *json = sent(&v);
        words_cause(text, sizeof text, json);
        assert_non_null(strstr(text, gettext(render_rule(r))));
        assert_true(is_foreign(gettext(render_rule(r))));
        json_decref(json);
    }
}

static void check_said(const char *english, const char *wanted)
{
    char text[WORDS_TEXT_MAX];
    words_said(text, sizeof text, english);
    assert_string_equal(text, wanted);
}

static void outcomes_and_alarms(void **state)
{
    char english[WORDS_TEXT_MAX], japanese[WORDS_TEXT_MAX];
    struct slice text = slice_of("osaka 1 '2'");
    speak("ja_JP.UTF-8");
    for (unsigned r = REPLY_OK + 1; r < REPLIES; r++) {
        render_reply(japanese, sizeof japanese, (enum reply)r, text);
        render_language(NULL);
        render_reply(english, sizeof english, (enum reply)r, text);
        words_start();
        assert_true(is_foreign(japanese));
        check_said(english, japanese);
    }
    for (uint8_t a = 0; a < ALARMS; a++) {
        struct alarm_row row = {.alarm = a, .subject = text};
        render_alarm_text(japanese, sizeof japanese, &row);
        render_language(NULL);
        render_alarm_text(english, sizeof english, &row);
        words_start();
        assert_true(is_foreign(japanese));
        check_said(english, japanese);
    }
}

static void sentences_inside_sentences(void **state)
{
    speak("ja_JP.UTF-8");
    check_said("not joined: 10.0.0.5 port 7501 is not a hub (ILS-403)",
               "未参加: 10.0.0.5 ポート 7501 はハブではありません (ILS-403)");
    check_said("refused here: 10.0.0.5 port 7501 is not a hub",
               "こちら側で拒否: 10.0.0.5 ポート 7501 はハブではありません");
    check_said("accepted by an invite", "受け入れの根拠: 招待");
    check_said("not joined: nobody knows this (ILS-999)", "未参加: nobody knows this (ILS-999)");
    check_said("block 2 is a PKCS#12 file that needs a password: give --password-file FILE",
               "ブロック 2のPKCS#12ファイルにはパスワードが必要です: --password-file FILE "
               "を指定してください");
    check_said("10.0.0.5 (TLS) answers", "10.0.0.5 (TLS) が応答しました");
    check_said("nobody knows this", "nobody knows this");
    check_said("", "");
    speak("en_US.UTF-8");
    check_said("10.0.0.5 port 7501 is not a hub", "10.0.0.5 port 7501 is not a hub");
}

static void which_language(void **state)
{
    speak("C");
    setenv("LC_ALL", "ja_JP.UTF-8", 1);
    words_start();
    assert_true(words_foreign());
    unsetenv("LANGUAGE");
    setenv("LC_ALL", "C", 1);
    setenv("LANG", "ja_JP.UTF-8", 1);
    words_start();
    assert_false(words_foreign());
    setenv("LC_ALL", "", 1);
    setenv("LC_MESSAGES", "ja_JP.eucJP", 1);
    words_start();
    assert_true(words_foreign());
    unsetenv("LANGUAGE");
    unsetenv("LC_MESSAGES");
    setenv("LANG", "javanese", 1);
    words_start();
    assert_false(words_foreign());
}

static void widths(void **state)
{
    speak("C");
    assert_int_equal(print_width("hub"), 3);
    assert_int_equal(print_width("日本語"), 6);
    assert_int_equal(print_width("ハブ hub"), 8);
    assert_int_equal(print_width("e\xcc\x81"), 1); /* with a combining accent */
    assert_int_equal(print_width("\xff\xfe"), 2);  /* no characters at all */
    assert_int_equal(print_width(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_in_english),   cmocka_unit_test(verdicts_in_japanese),
        cmocka_unit_test(words_of_the_document), cmocka_unit_test(rules_in_japanese),
        cmocka_unit_test(outcomes_and_alarms),   cmocka_unit_test(sentences_inside_sentences),
        cmocka_unit_test(which_language),        cmocka_unit_test(widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
