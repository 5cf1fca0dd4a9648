/* Catalog files: both headers, what is refused and with which words, encodings, many rows. */
#include "../test.h"

#include <stdio.h>

#include "driver/csv.h"

static struct csv_rows rows;
static char message[512];

static bool read_bytes(const void *bytes, size_t n, const char *encoding)
{
    csv_rows_free(&rows);
    bool ok = csv_read(bytes, n, encoding, &rows);
    message[0] = '\0';
    if (rows.complaint_n > 0)
        csv_complaint_text(&rows.complaint[0], message, sizeof message);
    assert_int_equal(ok, rows.complaints == 0);
    return ok;
}

static bool read_text(const char *text)
{
    return read_bytes(text, strlen(text), NULL);
}

static int teardown(void **state)
{
    csv_rows_free(&rows);
    return 0;
}

static void check_entry(size_t i, uint32_t line, enum entry_kind kind, const char *key,
                        enum failover_rule rule)
{
    assert_true(i < rows.n);
    assert_int_equal(rows.line[i], line);
    assert_int_equal(rows.entry[i].kind, kind);
    assert_true(slice_eq(rows.entry[i].key, slice_of(key)));
    assert_int_equal(rows.entry[i].failover.rule, rule);
}

static void test_both_headers(void **state)
{
    assert_true(read_text("PatternType,PSTNFailover,Pattern\r\n"
                          "URI,,meet.user1@company.com\r\n"
                          "E164NUMBER,ITSELF,+81312345678"));
    assert_int_equal(rows.n, 2);
    check_entry(0, 2, ENTRY_URI, "meet.user1@company.com", FAILOVER_NONE);
    check_entry(1, 3, ENTRY_E164, "+81312345678", FAILOVER_ITSELF);

    assert_true(read_text("KEY , Type\n8000,enterprise\n"));
    check_entry(0, 2, ENTRY_ENTERPRISE, "8000", FAILOVER_NONE);

    assert_true(read_text("failover,key,type\n1:0312,8000,ENTERPRISE\n"));
    check_entry(0, 2, ENTRY_ENTERPRISE, "8000", FAILOVER_STRIP);
    assert_true(read_text("type,key\n"));
    assert_int_equal(rows.n, 0);
}

/* In the original's files a type says whose number it is, in ours also whether it is a pattern. */
static void test_patterns(void **state)
{
    assert_true(read_text("PatternType,PSTNFailover,Pattern\n"
                          "+E.164 Number,ITSELF,+14085554XXX\n"
                          "Enterprise Number,4:+1408555,81404XXX\n"
                          "+E.164 Number,,+14085554000\n"
                          "E164Pattern,,\\+1408555[4-5]XX\n"));
    assert_int_equal(rows.n, 4);
    check_entry(0, 2, ENTRY_PATTERN_E164, "+14085554XXX", FAILOVER_ITSELF);
    check_entry(1, 3, ENTRY_PATTERN_ENTERPRISE, "81404XXX", FAILOVER_STRIP);
    check_entry(2, 4, ENTRY_E164, "+14085554000", FAILOVER_NONE);
    check_entry(3, 5, ENTRY_PATTERN_E164, "+1408555[45]XX", FAILOVER_NONE);

    assert_true(read_text("type,key\nENTERPRISEPATTERN,80[1-9]!\n"));
    check_entry(0, 2, ENTRY_PATTERN_ENTERPRISE, "80[^0]!", FAILOVER_NONE);
    assert_false(read_text("type,key\nENTERPRISE,80XX\n"));
    assert_string_equal(message, "line 2, column key: \"80XX\": at character 3: a number with "
                                 "wildcards is a pattern: its type is ENTERPRISEPATTERN or "
                                 "E164PATTERN");
    assert_false(read_text("type,key\nENTERPRISEPATTERN,80XX\nENTERPRISEPATTERN,8.0-x x\n"));
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_DUPLICATE);
}

static void test_sources(void **state)
{
    char text[8192];
    assert_true(read_text("type,key,source\nE164,+81,hq\nE164,+82,\nE164,+83, hq \nE164,+84,b\n"));
    assert_int_equal(rows.source_n, 2);
    assert_true(slice_eq(rows.source_name[0], slice_of("hq")));
    assert_true(slice_eq(rows.source_name[1], slice_of("b")));
    static const uint8_t wanted[] = {1, 0, 1, 2};
    assert_memory_equal(rows.source, wanted, sizeof wanted);
    assert_true(read_text("type,key\nE164,+81\n"));
    assert_true(rows.source_n == 0 && rows.source[0] == 0);

    size_t n = (size_t)snprintf(text, sizeof text, "type,key,source\n");
    for (int i = 0; i < 66; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "E164,+8%d,s%d\n", i, i);
    assert_false(read_text(text));
    assert_int_equal(rows.complaints, 2);
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_SOURCE);
    assert_int_equal(rows.complaint[0].line, 66);
}

static void test_quotes_lines_and_blanks(void **state)
{
    assert_true(read_text("\xef\xbb\xbf\"type\",\"key\"\r\n"
                          "\r\n"
                          "\"URI\",\"a@x.example\"\r\n"
                          "  \n"
                          ",\n"
                          " URI , b@x.example ,,\r"
                          "URI,c@x.example\r"));
    assert_int_equal(rows.n, 3);
    check_entry(0, 3, ENTRY_URI, "a@x.example", FAILOVER_NONE);
    check_entry(1, 6, ENTRY_URI, "b@x.example", FAILOVER_NONE);
    check_entry(2, 7, ENTRY_URI, "c@x.example", FAILOVER_NONE);

    assert_false(read_text("type,key\nURI,\"a\n@xx\n.example\"\nURI,b@x.example\nURI,c\n"));
    assert_int_equal(rows.complaints, 2);
    assert_int_equal(rows.complaint[0].line, 2);
    assert_string_equal(rows.complaint[0].text, "a\\x0a@xx\\x0a.example");
    assert_int_equal(rows.complaint[1].line, 6);
    check_entry(0, 5, ENTRY_URI, "b@x.example", FAILOVER_NONE);
}

struct bad_row {
    const char *file;
    enum csv_fault fault;
    const char *message;
};

static const struct bad_row bad_rows[] = {
    {"", CSV_FAULT_EMPTY, "the file: it is empty"},
    {"\n \r\n", CSV_FAULT_EMPTY, "the file: it is empty"},
    {"URI,,a@x.example\n", CSV_FAULT_HEADER,
     "line 1: \"URI\": no such column: the first row must name the columns PatternType,"
     "PSTNFailover,Pattern or type,key with or without failover"},
    {"\n\ntype;key\n", CSV_FAULT_HEADER,
     "line 3: \"type;key\": commas separate columns, not semicolons: the first row must name the "
     "columns PatternType,PSTNFailover,Pattern or type,key with or without failover"},
    {"key,failover\n", CSV_FAULT_HEADER,
     "line 1: the column of types is missing: the first row must name the columns PatternType,"
     "PSTNFailover,Pattern or type,key with or without failover"},
    {"type,failover\n", CSV_FAULT_HEADER,
     "line 1: the column of keys is missing: the first row must name the columns PatternType,"
     "PSTNFailover,Pattern or type,key with or without failover"},
    {"type,key,Pattern\n", CSV_FAULT_HEADER,
     "line 1: \"Pattern\": the header names this column twice"},
    {"type,key\nURI\n", CSV_FAULT_COLUMNS,
     "line 2: \"URI\": the row has 1 field, the header names 2"},
    {"type,key\nURI,a@xx,b\n", CSV_FAULT_COLUMNS,
     "line 2: \"URI\": the row has 3 fields, the header names 2"},
    {"type,key\nURL,a@xx\n", CSV_FAULT_ENTRY,
     "line 2, column type: \"URL\": unknown type: URI, ENTERPRISE, E164, "
     "ENTERPRISEPATTERN and E164PATTERN are known"},
    {"PatternType,PSTNFailover,Pattern\nURI,,alice\n", CSV_FAULT_ENTRY,
     "line 2, column Pattern: \"alice\": a directory URI is user@host"},
    {"PatternType,PSTNFailover,Pattern\nURI,x,a@xx\n", CSV_FAULT_ENTRY,
     "line 2, column PSTNFailover: \"x\": not a PSTN failover for this entry: leave it empty, or "
     "ITSELF, a number, or digits to strip, a colon and digits to put before (1:0312)"},
    {"type,key\nURI,\n", CSV_FAULT_ENTRY, "line 2, column key: a value is missing here"},
    {"type,key\nURI,a@x.example\nURI,A@X.example\n", CSV_FAULT_DUPLICATE,
     "line 3, column key: \"A@X.example\": line 2 has this key already"},
    {"type,key\nURI,a\"b@x.example\n", CSV_FAULT_QUOTES,
     "line 2: \"URI,a\"b@x.example\": a quote inside a field is written twice, and the field "
     "stands in quotes"},
    {"type,key\n\nURI,\"a@x.example\nURI,b@x.example\n", CSV_FAULT_QUOTES,
     "line 3: a quote is opened in this row and never closed"},
    {"ty\"pe,key\nURI,a@x.example\n", CSV_FAULT_QUOTES,
     "line 1: \"ty\"pe,key\": a quote inside a field is written twice, and the field stands in "
     "quotes"},
};

static void test_bad_files(void **state)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        assert_false(read_text(bad_rows[i].file));
        assert_int_equal(rows.complaints, 1);
        assert_int_equal(rows.complaint[0].fault, bad_rows[i].fault);
        assert_string_equal(message, bad_rows[i].message);
    }
}

static void test_reading_goes_on_behind_a_bad_row(void **state)
{
    assert_false(read_text("type,key\nURI,a\"b@xx\nURI,a@x.example\nE164,80\n8000\nE164,+81\n"));
    assert_int_equal(rows.complaints, 3);
    assert_int_equal(rows.complaint[0].line, 2);
    assert_int_equal(rows.complaint[1].line, 4);
    assert_int_equal(rows.complaint[1].entry, ENTRY_ERROR_NOT_E164);
    assert_int_equal(rows.complaint[2].line, 5);
    assert_int_equal(rows.n, 2);
    check_entry(1, 6, ENTRY_E164, "+81", FAILOVER_NONE);
}

static void test_a_hundred_complaints_are_kept(void **state)
{
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text, "type,key\n");
    for (int i = 0; i < 250; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "URI,a\n");
    assert_false(read_text(text));
    assert_int_equal(rows.complaints, 250);
    assert_int_equal(rows.complaint_n, CSV_COMPLAINTS_MAX);
    assert_int_equal(rows.complaint[99].line, 101);
}

static void test_shown_text_is_cut_and_escaped(void **state)
{
    char text[4000] = "type,key\nURI,";
    for (size_t i = 0; i < 100; i++)
        memcpy(text + 13 + 3 * i, "\xe5\xb1\xb1", 4);
    assert_false(read_text(text));
    assert_int_equal(strlen(rows.complaint[0].text), 63);
    assert_string_equal(rows.complaint[0].text + 57, "\xe5\xb1\xb1...");

    assert_false(read_text("type,key\nURI,a\x01\x7f\xc2\x85\n"));
    assert_string_equal(rows.complaint[0].text, "a\\x01\\x7f\\xc2\\x85");

    memset(text, 'u', sizeof text - 1);
    memcpy(text, "type,key\nURI,", 13);
    assert_false(read_text(text));
    assert_int_equal(rows.complaint[0].entry, ENTRY_ERROR_TOO_LONG);
    memset(text + 13, ' ', 1300);
    memcpy(text + 13, "\"a@x", 4);
    memcpy(text + 1313, "z\"", 3);
    assert_false(read_text(text));
    assert_int_equal(rows.complaint[0].entry, ENTRY_ERROR_TOO_LONG);
}

#define BYTES(text) text, sizeof text - 1

static void test_encodings(void **state)
{
    /* "山田" in CP932, half-width kana, an accented name in LATIN1 */
    assert_false(read_bytes(BYTES("type,key\nURI,a@xx\nURI,\x8e\x52\x93\x63@xx\nURI,\x8e\x52@yy\n"),
                            NULL));
    assert_int_equal(rows.complaints, 1);
    assert_string_equal(message, "line 3: \"URI,\\x8eR\\x93c@xx\": the line is not UTF-8 "
                                 "(2 lines of the file); try --encoding CP932");
    assert_false(read_bytes(BYTES("type,key\nURI,\xb1\xb2\xb3@xx\n"), NULL));
    assert_string_equal(message, "line 2: \"URI,\\xb1\\xb2\\xb3@xx\": the line is not UTF-8 "
                                 "(1 line of the file); try --encoding CP932");
    assert_false(read_bytes(BYTES("type,key\nURI,Andr\xe9@xx\n"), NULL));
    assert_string_equal(message, "line 2: \"URI,Andr\\xe9@xx\": the line is not UTF-8 "
                                 "(1 line of the file); try --encoding LATIN1");
    assert_false(read_bytes(BYTES("type,key\nURI,\x81\xff\n"), NULL));
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_ENCODING);
    assert_non_null(strstr(message, "LATIN1"));
    assert_false(read_bytes(BYTES("\xff\xfet\0y\0p\0e\0"), ""));
    assert_string_equal(message, "line 1: \"\\xff\\xfe\": the file begins with the mark of UTF-16: "
                                 "try --encoding UTF-16");
    assert_false(read_bytes(BYTES("t\0y\0p\0e\0"), NULL));
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_NUL);
    assert_non_null(strstr(message, "try --encoding UTF-16LE"));
    assert_false(read_bytes(BYTES("\0t\0y\0p\0e"), "utf8"));
    assert_non_null(strstr(message, "try --encoding UTF-16BE"));
    assert_false(read_bytes(BYTES("type,key\nURI,a\0b@xx\n"), NULL));
    assert_string_equal(message, "line 2: \"URI,a\\x00b@xx\": the line holds a NUL byte: the file "
                                 "is damaged, or no text");
}

static void test_converted(void **state)
{
    assert_true(read_bytes(BYTES("\xff\xfet\0y\0p\0e\0,\0k\0e\0y\0\n\0U\0R\0I\0,\0a\0@\0x\0x\0"),
                           "UTF-16"));
    check_entry(0, 2, ENTRY_URI, "a@xx", FAILOVER_NONE);
    assert_true(read_bytes(BYTES("\xff\xfet\0y\0p\0e\0,\0k\0e\0y\0"), "UTF-16LE"));
    assert_true(read_bytes(BYTES("type,key\nURI,a@xx\n"), "cp932"));
    assert_false(read_bytes(BYTES("type,key\nURI,\x8e\x52@xx\n"), "CP932"));
    assert_string_equal(rows.complaint[0].text, "\xe5\xb1\xb1@xx");
    assert_int_equal(rows.complaint[0].entry, ENTRY_ERROR_CHARACTER);
    assert_false(read_bytes(BYTES("type,key\r\nURI,a@xx\r\nURI,\x81\xff\r\n"), "CP932"));
    assert_string_equal(message, "line 3: \"URI,\": behind this text the line is not CP932");
    assert_false(read_bytes(BYTES("type,key\n"), "KLINGON"));
    assert_string_equal(message, "the file: \"KLINGON\": this system knows no such encoding; "
                                 "`iconv --list` names those it knows");
    assert_false(read_bytes(BYTES("type,key\n"), "ASCII//IGNORE"));
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_ENCODING_NAME);
    assert_false(read_bytes("", 0, "CP932"));
    assert_int_equal(rows.complaint[0].fault, CSV_FAULT_EMPTY);
}

static void test_many_rows(void **state)
{
    enum { COUNT = 50000 };
    const size_t size = COUNT * 32;
    char *text = malloc(size);
    assert_non_null(text);
    size_t n = (size_t)snprintf(text, size, "type,key\n");
    for (unsigned i = 0; i < COUNT; i++)
        n += (size_t)snprintf(text + n, size - n,
                              i % 2 == 0 ? "URI,u%u@x.example\n" : "ENTERPRISE,%u\n", i);
    assert_true(read_bytes(text, n, NULL));
    assert_int_equal(rows.n, COUNT);
    check_entry(COUNT - 1, COUNT + 1, ENTRY_ENTERPRISE, "49999", FAILOVER_NONE);
    snprintf(text + n, size - n, "ENTERPRISE,1-2345\n");
    assert_false(read_text(text));
    assert_int_equal(rows.complaint[0].line, COUNT + 2);
    assert_int_equal(rows.complaint[0].first_line, 12347);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_both_headers, teardown),
        cmocka_unit_test_teardown(test_patterns, teardown),
        cmocka_unit_test_teardown(test_sources, teardown),
        cmocka_unit_test_teardown(test_quotes_lines_and_blanks, teardown),
        cmocka_unit_test_teardown(test_bad_files, teardown),
        cmocka_unit_test_teardown(test_reading_goes_on_behind_a_bad_row, teardown),
        cmocka_unit_test_teardown(test_a_hundred_complaints_are_kept, teardown),
        cmocka_unit_test_teardown(test_shown_text_is_cut_and_escaped, teardown),
        cmocka_unit_test_teardown(test_encodings, teardown),
        cmocka_unit_test_teardown(test_converted, teardown),
        cmocka_unit_test_teardown(test_many_rows, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
