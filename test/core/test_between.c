/* What the operator of the dialled end changes while somebody is at the door: after his word no
 * link comes up that it forbids, however far the handshake was. */
#include "core/core.h"
#include "world.h"

#define ALL (uint8_t)(1u << METHOD_PASSWORD | 1u << METHOD_TLS | 1u << METHOD_TLS_PASSWORD)

static struct test_mem mem;
static struct world world;

enum word { NARROW, DROP, UNTRUST, WORDS };

static struct pki certificate(int node)
{
    static const char *const name[2] = {"c0.example", "c1.example"};
    uint32_t key = 100 + (uint32_t)node;
    return (struct pki){.serial = key, .key = key, .issuer = key, .name = {name[node]}};
}

static void begin(uint8_t method)
{
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 2; i++) {
        struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
        struct pki mine = certificate(i), theirs = certificate(1 - i);
        uint8_t der[PKI_DER_MAX];
        world_start(&world, i, &mem.mem);
        assert_int_equal(world_certificate(&world, i, &mine, true), REPLY_OK);
        crypto_hash1(add.stretched, "test password", slice_of("secret"));
        assert_int_equal(world_command(&world, i, add), REPLY_OK);
        assert_int_equal(world_trust(&world, i, pki_der(&theirs, der)), REPLY_OK);
        assert_int_equal(world_auth(&world, i, method != METHOD_PASSWORD, method != METHOD_TLS,
                                    ALL), REPLY_OK);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
}

static struct command forbid(enum word word, uint8_t method)
{
    static char text[2 * FINGERPRINT_SIZE + 1];
    uint8_t der[PKI_DER_MAX];
    struct pki theirs = certificate(1);
    struct trust_item item = pki_item(pki_der(&theirs, der));
    hex_text(text, item.fingerprint, FINGERPRINT_SIZE);
    if (word == NARROW)
        return (struct command){.type = COMMAND_AUTH,
                                .auth = {.accept = (uint8_t)(ALL & ~(1u << method)),
                                         .set_accept = true}};
    if (word == DROP)
        return (struct command){.type = COMMAND_PASSWORD_DROP, .generation = 1};
    return (struct command){.type = COMMAND_TRUST_REMOVE, .what = slice_of(text)};
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

/* The dialled end has said its last word: the link was up for it before the change. */
static bool was_up(void)
{
    list_each(node, &world.node[0].ils->links)
        if (list_entry(node, struct link, node)->state == LINK_UP)
            return true;
    return false;
}

static void at(size_t steps, enum word word, uint8_t method, bool *ret_up)
{
    begin(method);
    world_ask(&world, 1, (struct command){.type = COMMAND_JOIN, .host = slice_of("n0"),
                                          .role = ROLE_SPOKE});
    world_steps(&world, steps);
    *ret_up = was_up();
    assert_int_equal(world_command(&world, 0, forbid(word, method)), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_false(linked(0) || linked(1));
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
}

static void every_moment(void **state)
{
    (void)state;
    for (uint8_t method = METHOD_PASSWORD; method <= METHOD_TLS_PASSWORD; method++)
        for (int word = 0; word < WORDS; word++) {
            bool up = (word == DROP && method == METHOD_TLS) ||
                      (word == UNTRUST && method == METHOD_PASSWORD);
            for (size_t steps = 0; !up; steps++)
                at(steps, (enum word)word, method, &up);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
