/* The words of the core's tables: every row can be filled in, the lines of the join word for word,
 * and nothing that came from elsewhere can begin a line of its own. */
#include "base/buf.h"
#include "daemon/render.h"
#include "test.h"

#include <stdio.h>

static struct trace sample(enum trace_event event)
{
    struct trace t = {
        .event = event,
        .link_n = 5,
        .peer = {"10.106.104.201", 37816},
        .local = {"10.106.104.220", 7502},
        .host = slice_of("10.106.104.220"),
        .text = {slice_of("one"), slice_of("two")},
        .number = {0xfa0e, 2, 3},
    };
    memset(t.peer_id, 0xab, sizeof t.peer_id);
    return t;
}

static void check_line(enum trace_event event, const char *id, const char *wanted)
{
    char text[1024];
    struct trace t = sample(event);
    render_trace(text, sizeof text, &t);
    assert_string_equal(text, wanted);
    assert_string_equal(render_event_id(event), id);
}

static void lines_of_the_dialled_end(void **state)
{
    check_line(EVENT_NEW_CONNECTION, "T1",
               "IlsD IlsHandler: Ils::wait_SdlConnectionInd(): New connection accepted. "
               "DeviceName=, TCPPid = [1.600.13.5], IPAddr=10.106.104.201, Port=37816, "
               "Controller=[1,20,1]");
    check_line(EVENT_CONNECT_IND, "T2",
               "IlsD Ils::ConnectInd TCPPid([1, 600, 13, 5]), PeerIP/Port(10.106.104.201:37816), "
               "LocalIP/Port(10.106.104.220:7502) (10.106.104.201:37816)");
    check_line(EVENT_SERVER_ESTABLISHED, "T3",
               "IlsD ::ConnectIndInner Server Connection to "
               "PeerId(abababababababababababababababab), TCPPid([1, 600, 13, 5]), "
               "PeerIP/Port(10.106.104.201:37816), LocalIP/Port(10.106.104.220:7502) TLSReq(f) "
               "established");
    check_line(EVENT_DECRYPT_FAILED, "T10",
               "IlsD IlsHandler: wait_SdlDataInd EncrUtil::decryptData failed. DeviceName=, "
               "TCPPid = [1.600.13.5], IPAddr=10.106.104.201, Port=37816, Controller=[1,20,1]");
    check_line(EVENT_CLOSE_REQ, "T22",
               "IlsD IlsHandler: Close Req. DeviceName=, TCPPid = [1.600.13.5], "
               "IPAddr=10.106.104.201, Port=37816, Controller=[1,20,1]");
}

static void line_with_an_ipv6_address(void **state)
{
    char text[1024];
    struct trace t = sample(EVENT_CONNECT_IND);
    snprintf(t.peer.ip, sizeof t.peer.ip, "2001:db8::1");
    snprintf(t.local.ip, sizeof t.local.ip, "::1");
    render_trace(text, sizeof text, &t);
    assert_non_null(strstr(text, "PeerIP/Port([2001:db8::1]:37816), LocalIP/Port([::1]:7502)"));
}

static json_t *json_of(const struct trace *t, const char *text)
{
    struct test_mem m;
    struct buf b;
    test_mem_init(&m, 0);
    buf_init(&b, &m.mem, SIZE_MAX);
    render_trace_json(&b, t, text, "2026-11-23T07:30:00.000Z");
    assert_false(b.failed);
    json_t *json = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    buf_done(&b);
    return json;
}

static const char *string_at(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void a_record_as_json(void **state)
{
    struct trace t = sample(EVENT_CONNECT_IND);
    t.text[1] = slice_of("a \"quoted\" \\ \n\x1f \xc3\xa9");
    t.text[2] = slice_of("\xff odd");
    t.code = CODE_PASSWORD_DIFFERS;
    json_t *json = json_of(&t, "words"), *fields = json_object_get(json, "fields");
    assert_string_equal(string_at(json, "event"), "T2");
    assert_string_equal(string_at(json, "text"), "words");
    assert_true(json_is_null(json_object_get(json, "verdict_id")));
    assert_string_equal(string_at(json, "peer"), "10.106.104.201:37816");
    assert_string_equal(string_at(json, "peer_id"), "abababababababababababababababab");
    assert_string_equal(string_at(json, "code"), "ILS-201");
    assert_string_equal(string_at(json, "time"), "2026-11-23T07:30:00.000Z");
    assert_int_equal(json_integer_value(json_object_get(fields, "link")), 5);
    assert_true(json_is_false(json_object_get(fields, "tls")));
    assert_string_equal(string_at(fields, "local"), "10.106.104.220:7502");
    assert_string_equal(string_at(fields, "host"), "10.106.104.220");
    assert_string_equal(string_at(fields, "t0"), "one");
    assert_string_equal(string_at(fields, "t1"), "a \"quoted\" \\ \n\x1f \xc3\xa9");
    assert_string_equal(string_at(fields, "t2"), "? odd");
    assert_int_equal(json_integer_value(json_object_get(fields, "n0")), 0xfa0e);
    json_decref(json);

    memset(&t, 0, sizeof t); /* of nobody */
    t.number[0] = INT64_MAX;
    t.number[1] = UINT64_MAX;
    json = json_of(&t, "");
    fields = json_object_get(json, "fields");
    assert_true(json_is_null(json_object_get(json, "peer")));
    assert_true(json_is_null(json_object_get(json, "peer_id")));
    assert_true(json_is_null(json_object_get(json, "code")));
    assert_int_equal(json_object_size(fields), 2);
    assert_true(json_integer_value(json_object_get(fields, "n0")) == INT64_MAX);
    assert_true(json_integer_value(json_object_get(fields, "n1")) == -1);
    json_decref(json);
}

static void every_event_is_filled_in(void **state)
{
    char text[1024];
    for (int e = 0; e < EVENTS; e++) {
        struct trace t = sample((enum trace_event)e);
        render_trace(text, sizeof text, &t);
        assert_null(strpbrk(text, "{}"));
        json_t *json = json_of(&t, text);
        assert_string_equal(json_string_value(json_object_get(json, "text")), text);
        assert_true(json_is_object(json_object_get(json, "fields")));
        json_decref(json);
        for (size_t size = 1; size < 64; size++) {
            memset(text, 'x', sizeof text);
            render_trace(text, size, &t);
            assert_true(strlen(text) < size);
            assert_int_equal(text[size], 'x');
        }
    }
}

static void no_value_begins_a_line(void **state)
{
    char text[1024];
    struct trace t = sample(EVENT_HEAD_REJECTED);
    t.text[0] = slice_of("a\n00000001.001 |forged\x7f\x1b[31m");
    render_trace(text, sizeof text, &t);
    assert_non_null(strstr(text, "a?00000001.001 |forged??[31m"));
    json_t *odd = render_text(slice_of("\xff\xfe odd"));
    assert_string_equal(json_string_value(odd), "?? odd");
    json_decref(odd);
}

static void every_code_is_filled_in(void **state)
{
    static const enum code codes[] = {
#define CODE(number, name, cause, remedy, at) CODE_##name,
#include "core/code.def"
#undef CODE
    };
    char cause[512], remedy[512];
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct verdict v = {
            .code = codes[i],
            .dialler = true,
            .host = slice_of("2001:db8::7"),
            .port = 7502,
            .peer_name = slice_of("tokyo"),
            .retry_after = 30,
        };
        render_cause(cause, sizeof cause, &v);
        render_remedy(remedy, sizeof remedy, &v, slice_of("osaka"));
        assert_true(cause[0] != '\0');
        assert_null(strpbrk(cause, "{}"));
        assert_null(strpbrk(remedy, "{}"));
        assert_true(code_is_success(codes[i]) == (remedy[0] == '\0'));
    }
}

static void a_remedy_names_the_right_cluster(void **state)
{
    char text[256];
    struct verdict v = {.code = CODE_DISCONNECTED, .dialler = true,
                        .peer_name = slice_of("tokyo"), .remedy_at = SIDE_THERE};
    render_remedy(text, sizeof text, &v, slice_of("osaka"));
    assert_string_equal(text, "ils connect osaka");
    v.remedy_at = SIDE_HERE;
    render_remedy(text, sizeof text, &v, slice_of("osaka"));
    assert_string_equal(text, "ils connect tokyo");
    v = (struct verdict){.code = CODE_PENALTY, .dialler = true, .host = slice_of("::1"),
                         .port = 17502, .retry_after = 8};
    render_remedy(text, sizeof text, &v, slice_of(""));
    assert_string_equal(text, "sleep 8 && ils join [::1]:17502");
}

/* Both ends print the same id, which nobody has, and no longer than an id may be. */
static void a_fresh_id(void **state)
{
    char text[256];
    char longest[CLUSTER_ID_MAX + 1];
    struct verdict v = {.code = CODE_CLONE, .evidence = {0x0a1f}, .remedy_at = SIDE_HERE};
    render_remedy(text, sizeof text, &v, slice_of("osaka"));
    assert_string_equal(text, "ils identity new --cluster-id osaka-0a1f --fqdn NAME");
    v.fqdn = slice_of("ils.osaka.example.com");
    v.remedy_at = SIDE_THERE;
    v.peer_name = slice_of("osaka");
    render_remedy(text, sizeof text, &v, slice_of("tokyo"));
    assert_string_equal(text, "ils identity new --cluster-id osaka-0a1f "
                              "--fqdn ils-0a1f.osaka.example.com");
    memset(longest, 'x', CLUSTER_ID_MAX);
    longest[CLUSTER_ID_MAX] = '\0';
    v.code = CODE_DUPLICATE_ID;
    v.peer_name = slice_of(longest);
    render_remedy(text, sizeof text, &v, slice_of("tokyo"));
    assert_int_equal(strlen(text), strlen("ils describe --cluster-id ") + CLUSTER_ID_MAX);
    assert_string_equal(text + strlen(text) - 5, "-0a1f");
    v = (struct verdict){.code = CODE_DUPLICATE_ID, .evidence = {1, 1}, .remedy_at = SIDE_HERE,
                         .peer_name = slice_of("osaka")}; /* whoever has it is gone */
    render_remedy(text, sizeof text, &v, slice_of("tokyo"));
    assert_string_equal(text, "ils forget osaka");
}

static void the_dialled_end_speaks_of_its_own_address(void **state)
{
    char text[256];
    struct verdict v = {.code = CODE_NOT_A_HUB, .peer = {"10.0.0.9", 40000},
                        .local = {"10.0.0.1", 7502}};
    render_cause(text, sizeof text, &v);
    assert_string_equal(text, "10.0.0.1 port 7502 is not a hub");
    json_t *json = render_verdict_json(&v, slice_of("self"));
    assert_string_equal(json_string_value(json_object_get(json, "code")), "ILS-403");
    assert_string_equal(json_string_value(json_object_get(json, "verdict_id")),
                        "0000000000000000");
    assert_true(json_is_null(json_object_get(json, "peer_id")));
    json_decref(json);
}

static void alarms_and_replies(void **state)
{
    char text[512];
    for (uint8_t a = 0; a < ALARMS; a++) {
        struct alarm_row row = {.alarm = a, .subject = slice_of("10.0.0.9"), .count = 2};
        json_t *json = render_alarm_json(&row);
        assert_string_equal(
            json_string_value(json_object_get(json, render_alarm_parameter(a))), "10.0.0.9");
        assert_non_null(strstr(json_string_value(json_object_get(json, "text")), "10.0.0.9"));
        json_decref(json);
    }
    for (int r = 0; r < REPLIES; r++) {
        render_reply(text, sizeof text, (enum reply)r, slice_of("that"));
        assert_true(text[0] != '\0');
        assert_null(strchr(text, '%'));
        render_reply_next(text, sizeof text, (enum reply)r, slice_of("that"));
        assert_null(strchr(text, '%'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_dialled_end),
        cmocka_unit_test(line_with_an_ipv6_address),
        cmocka_unit_test(a_record_as_json),
        cmocka_unit_test(every_event_is_filled_in),
        cmocka_unit_test(no_value_begins_a_line),
        cmocka_unit_test(every_code_is_filled_in),
        cmocka_unit_test(a_remedy_names_the_right_cluster),
        cmocka_unit_test(a_fresh_id),
        cmocka_unit_test(the_dialled_end_speaks_of_its_own_address),
        cmocka_unit_test(alarms_and_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
