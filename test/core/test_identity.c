/* Two that say that they are one: a cluster id twice, a key twice, two writers of one stream; and
 * the cures: another id, another key. Real cores; what one end refuses is looked at from both. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 4; i++)
        world_start(&world, i, &mem.mem);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* --- what is looked at */

static struct ils *core(int i)
{
    return world.node[i].ils;
}

static bool alarmed(int i, const char *id)
{
    return alarm_last(core(i), ILSDuplicateClusterID, slice_of(id)) != 0;
}

static bool linked(int i)
{
    struct view_self self;
    view_self(core(i), &self);
    return self.serving != 0;
}

static size_t known(int i)
{
    struct view_cluster c;
    size_t n = 1;
    while (view_cluster(core(i), n, &c))
        n++;
    return n - 1;
}

static struct peer *peer_at(int i, int other)
{
    return peer_find(core(i), core(other)->key);
}

/* The same verdict at both ends, found by one and told to the other. */
static void refused(int dialler, int acceptor, enum code code, bool by_dialler)
{
    const struct verdict *c = &world.node[dialler].verdict, *s = &world.node[acceptor].verdict;
    assert_int_equal(c->code, code);
    assert_int_equal(s->code, code);
    assert_memory_equal(c->id, s->id, VERDICT_ID_SIZE);
    assert_true(c->dialler && !s->dialler);
    assert_int_equal(c->told, !by_dialler);
    assert_int_equal(s->told, by_dialler);
    assert_int_equal(c->remedy_at, by_dialler ? SIDE_THERE : SIDE_HERE);
    assert_true(c->evidence[0] == s->evidence[0] && c->evidence[0] != 0);
}

/* --- set up */

static void configure(int i, const char *id, const char *password)
{
    char fqdn[] = "c0.example";
    fqdn[1] = (char)('0' + i);
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of(password));
    assert_int_equal(world_command(&world, i, (struct command){.type = COMMAND_INIT,
                                   .cluster_id = slice_of(id), .fqdn = slice_of(fqdn)}), REPLY_OK);
    assert_int_equal(world_auth(&world, i, false, true, 0), REPLY_OK);
    assert_int_equal(world_command(&world, i, add), REPLY_OK);
}

static enum reply rename_to(int i, const char *id)
{
    return world_command(&world, i, (struct command){.type = COMMAND_DESCRIBE,
                                                     .cluster_id = slice_of(id)});
}

static enum reply identity(int i, const char *id)
{
    return world_command(&world, i, (struct command){.type = COMMAND_IDENTITY_NEW,
                                                     .cluster_id = slice_of(id)});
}

/* --- one cluster id, two keys */

static void id_of_the_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(1, "C0", "secret"); /* compared without case */
    world_join(&world, 1, 0, ROLE_SPOKE);
    refused(1, 0, CODE_DUPLICATE_ID, false);
    assert_int_equal(known(0) + known(1), 0); /* nothing was learnt */
    assert_true(alarmed(0, "C0") && alarmed(1, "C0"));
    assert_false(linked(0));
    assert_int_equal(rename_to(1, "c1"), REPLY_OK);
    assert_true(linked(1) && linked(0));
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    assert_false(alarmed(1, "C0"));
    assert_false(alarmed(0, "C0")); /* it came under another id */
}

static void id_of_a_hub_that_joins(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(1, "c0", "secret");
    world_join(&world, 1, 0, ROLE_HUB);
    refused(1, 0, CODE_DUPLICATE_ID, false);
    assert_int_equal(rename_to(1, "c1"), REPLY_OK);
    assert_true(linked(1));
}

static void id_of_another(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    configure(2, "c1", "secret");
    world_join(&world, 2, 0, ROLE_SPOKE);
    refused(2, 0, CODE_DUPLICATE_ID, false);
    assert_int_equal(world.node[0].verdict.remedy_at, SIDE_THERE);
    assert_int_equal(world.node[0].verdict.evidence[1], 0);
    assert_int_equal(known(0), 1);
    assert_true(linked(1)); /* the first works on */
    assert_true(world_answers(&world, 0, "alice@b.example"));
    assert_int_equal(rename_to(2, "c0"), REPLY_OK); /* it knows no better */
    refused(2, 0, CODE_DUPLICATE_ID, false);
    assert_int_equal(rename_to(2, "c2"), REPLY_OK);
    assert_true(linked(2));
    assert_true(world_answers(&world, 2, "alice@b.example"));
    assert_int_equal(rename_to(2, "c1"), REPLY_CLUSTER_ID_TAKEN); /* now it does */
    assert_int_equal(rename_to(2, CLUSTER_ID_DEFAULT), REPLY_CLUSTER_ID_DEFAULT);
    assert_int_equal(rename_to(2, "no id"), REPLY_CLUSTER_ID);
}

/* Whoever has the id is gone: the hub's operator may forget him. */
static void holder_is_gone(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_stop(&world, 1);
    world_pass(&world, 25 * 60 * TICK_S); /* two intervals without a beat */
    configure(2, "c1", "secret");
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_DUPLICATE_ID);
    assert_int_equal(world.node[0].verdict.code, CODE_DUPLICATE_ID);
    assert_int_equal(world.node[2].verdict.remedy_at, SIDE_HERE);
    assert_int_equal(world.node[0].verdict.remedy_at, SIDE_HERE);
    assert_int_equal(world.node[0].verdict.evidence[1], 1);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_FORGET,
                                              .cluster = slice_of("c1")}), REPLY_OK);
    world_pass(&world, 61 * TICK_S);
    assert_true(linked(2));
}

static void default_id(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(1, "c1", "secret");
    text_set(core(1)->cluster_id, slice_of("standalonecluster"));
    world_join(&world, 1, 0, ROLE_SPOKE);
    refused(1, 0, CODE_DEFAULT_ID, false);
    assert_true(alarmed(0, CLUSTER_ID_DEFAULT) && alarmed(1, CLUSTER_ID_DEFAULT));
    assert_int_equal(known(0), 0);
    text_set(core(1)->cluster_id, slice_of(""));
    world_pass(&world, 61 * TICK_S);
    refused(1, 0, CODE_DEFAULT_ID, false);
    text_set(core(1)->cluster_id, slice_of("no id"));
    world_pass(&world, 61 * TICK_S);
    assert_int_equal(world.node[1].verdict.code, CODE_PROTOCOL);
    text_set(core(1)->cluster_id, slice_of(CLUSTER_ID_DEFAULT)); /* may be initialised again */
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_INIT,
                                   .cluster_id = slice_of("c1"), .fqdn = slice_of("c1.example")}),
                     REPLY_OK);
    world_pass(&world, 61 * TICK_S);
    assert_true(linked(1));
}

/* The dialler judges as well, and what it refuses is mended at the other end. */
static void default_id_of_the_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(1, "c1", "secret");
    text_set(core(0)->cluster_id, slice_of(CLUSTER_ID_DEFAULT));
    world_join(&world, 1, 0, ROLE_SPOKE);
    refused(1, 0, CODE_DEFAULT_ID, true);
    assert_true(alarmed(0, CLUSTER_ID_DEFAULT) && alarmed(1, CLUSTER_ID_DEFAULT));
    assert_int_equal(known(1), 0);
}

/* Each at a hub of its own: met by relay both are kept, and everybody is told. */
static void id_by_relay(void **state)
{
    (void)state;
    struct view_cluster c;
    size_t twice = 0;
    world_hub(&world, 0, "secret");
    configure(1, "c1", "secret");
    assert_int_equal(world_join(&world, 1, 0, ROLE_HUB), REPLY_OK);
    world_block(&world, 0, 1, true);
    configure(2, "same", "secret");
    configure(3, "same", "secret");
    world_join(&world, 2, 0, ROLE_SPOKE);
    world_join(&world, 3, 1, ROLE_SPOKE);
    assert_true(linked(2) && linked(3));
    world_plan(&world, 2, "two@x.example", true);
    world_plan(&world, 3, "three@x.example", true);
    world_block(&world, 0, 1, false);
    world_pass(&world, 10 * TICK_S);
    for (int i = 0; i < 4; i++) {
        assert_true(alarmed(i, "same"));
        assert_true(world_said(&world, i, EVENT_DUPLICATE_ID));
        assert_true(world_answers(&world, i, "two@x.example"));
        assert_true(world_answers(&world, i, "three@x.example"));
    }
    for (size_t i = 0; view_cluster(core(0), i, &c); i++) {
        assert_int_equal(c.duplicate, slice_eq(c.cluster_id, slice_of("same")));
        twice += c.duplicate;
    }
    assert_int_equal(twice, 2);
    assert_true(view_cluster(core(2), 0, &c) && c.duplicate);
    world_cut(&world, 1, 3);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(3)); /* whoever is kept may come back */
    assert_int_equal(rename_to(3, "other"), REPLY_OK);
    world_pass(&world, 4 * 60 * TICK_S);
    for (int i = 0; i < 4; i++)
        assert_false(alarmed(i, "same"));
    assert_true(view_cluster(core(2), 0, &c) && !c.duplicate);
}

/* A label of a plan that is held everywhere: lookups show the new one. */
static void renamed(void **state)
{
    (void)state;
    struct view_cluster c;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_plan(&world, 1, "alice@b.example", true);
    assert_int_equal(rename_to(1, "osaka"), REPLY_OK);
    assert_true(linked(1)); /* nobody was cut */
    assert_true(view_cluster(core(0), 1, &c));
    assert_true(slice_eq(c.cluster_id, slice_of("osaka")));
    assert_true(slice_eq(stream_find(core(0), core(1)->key, STREAM_PLAN)->head.name,
                         slice_of("osaka")));
    world.node[1].full = true;
    assert_int_equal(rename_to(1, "kyoto"), REPLY_STORE);
    assert_true(slice_eq(text_slice(core(1)->cluster_id), slice_of("osaka")));
    world.node[1].full = false;
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    assert_true(slice_eq(text_slice(core(1)->cluster_id), slice_of("osaka")));
}

/* --- one key, two clusters */

/* The copy of node 1 is node 2; it started later. */
static void clone(void)
{
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    world_copy(&world, 1, 2);
    world_start(&world, 2, &mem.mem);
}

static void higher_boot_stays(void **state)
{
    (void)state;
    clone();
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(2));
    assert_false(linked(1));
    refused(1, 0, CODE_CLONE, false);
    assert_true(alarmed(0, "c1") && alarmed(1, "c1"));
    assert_true(core(1)->cloned && !core(2)->cloned);
    assert_int_equal(world_plan(&world, 1, "bob@b.example", true), REPLY_CLONED);
    struct view_self self;
    view_self(core(1), &self);
    assert_int_equal(self.writing, WRITING_CLONE);
    assert_true(self.displaced); /* it was there first, and the hub says so, too */
    assert_true(world.node[0].verdict.evidence[1] == 1);
    assert_true(slice_eq(world.node[0].verdict.fqdn, slice_of("c1.example")));
    assert_true(slice_eq(world.node[1].verdict.fqdn, slice_of("c1.example")));
    assert_int_equal(world_plan(&world, 2, "carol@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "carol@b.example"));
    assert_true(world_answers(&world, 1, "alice@b.example")); /* last known good */
    world_pass(&world, 10 * 60 * TICK_S);
    assert_false(linked(1)); /* there is no war */
    assert_true(linked(2));
    assert_int_equal(known(0), 1);
}

/* Another one, of before: its boot is the lower. */
static void lower_boot_comes_later(void **state)
{
    (void)state;
    struct view_self self;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_copy(&world, 1, 2);
    for (int i = 0; i < 2; i++) {
        world_stop(&world, 1);
        world_start(&world, 1, &mem.mem);
        world_pass(&world, 15 * TICK_S);
    }
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(linked(1) && core(2)->cloned);
    view_self(core(2), &self);
    assert_int_equal(self.writing, WRITING_CLONE);
    assert_false(self.displaced);
    assert_true(world.node[0].verdict.evidence[1] == 0);
}

static void clone_goes(void **state)
{
    (void)state;
    clone();
    world_pass(&world, 5 * TICK_S);
    assert_true(core(1)->cloned);
    world_stop(&world, 2);
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(1));
    assert_false(core(1)->cloned);
    assert_false(alarmed(1, "c1"));
    assert_true(alarmed(0, "c1"));
    /* what the copy said of itself gives way */
    assert_int_equal(world_plan(&world, 1, "bob@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "bob@b.example"));
    world_pass(&world, 30 * TICK_S); /* nobody was refused for more than a minute */
    assert_false(alarmed(0, "c1"));
}

/* Refused by its hub, it does not go to one that does not know. */
static void no_other_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(3, "c3", "secret");
    world_join(&world, 3, 0, ROLE_HUB);
    world_spoke(&world, 1, 0, "secret");
    world_pass(&world, 10 * TICK_S);
    world_copy(&world, 1, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 10 * 60 * TICK_S);
    assert_true(linked(2) && !linked(1));
    assert_true(core(1)->cloned);
    assert_null(peer_at(3, 1)->link); /* nor the copy */
}

/* Whom it registers with said so, and is no hub by the time that the copy has gone: nobody asks him
 * any more, and what another hub says holds. */
static void who_said_so_is_no_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    for (int i = 3; i > 0; i -= 2) {
        configure(i, i == 3 ? "c3" : "c1", "secret");
        world_join(&world, i, 0, ROLE_HUB);
    }
    world_pass(&world, 10 * TICK_S);
    world_copy(&world, 1, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 10 * TICK_S);
    assert_true(core(1)->cloned && core(1)->dial.last_code == CODE_CLONE);
    core(1)->dial.next += 60 * TICK_S; /* the other is asked first, and tells who is a hub */
    world_join(&world, 0, 3, ROLE_HUB);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_SPOKE}), REPLY_OK);
    world_stop(&world, 2);
    world_pass(&world, 180 * TICK_S);
    assert_non_null(peer_at(3, 1)->link);
    assert_false(core(1)->cloned);
}

static size_t joined(int i)
{
    size_t n = 0;
    for (size_t k = 0; k < world.node[i].said_n; k++)
        n += world.node[i].said[k].event == EVENT_SERVER_ESTABLISHED;
    return n;
}

/* The disk was copied while nobody ran: both start with the same boot. */
static void same_boot(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    world_stop(&world, 1);
    world_copy(&world, 1, 2);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    world_start(&world, 2, &mem.mem);
    world_hush(&world);
    world_pass(&world, 10 * 60 * TICK_S);
    assert_true(alarmed(0, "c1"));
    assert_true(linked(1) != linked(2));
    assert_true(joined(0) <= 22); /* once in a minute, and not in every other second */
    int out = linked(1) ? 2 : 1;
    assert_true(core(out)->cloned);
    assert_true(world_plan(&world, out, "bob@b.example", true) != REPLY_OK);
    assert_int_equal(identity(out, "fresh"), REPLY_OK);
    world_pass(&world, 61 * TICK_S);
    assert_true(linked(1) && linked(2));
    assert_int_equal(world_plan(&world, out, "bob@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "bob@b.example"));
}

static void clone_gets_an_identity(int cured, int other)
{
    struct view_cluster c;
    uint8_t former[KEY_SIZE];
    clone();
    world_pass(&world, 5 * TICK_S);
    memcpy(former, core(cured)->key, KEY_SIZE);
    assert_int_equal(identity(cured, "fresh"), REPLY_OK);
    assert_true(world_said(&world, cured, EVENT_IDENTITY));
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(1) && linked(2));
    assert_memory_not_equal(core(cured)->key, former, KEY_SIZE);
    assert_memory_equal(core(other)->key, former, KEY_SIZE);
    assert_int_equal(core(cured)->boot, 1);
    assert_int_equal(known(0), 2);
    for (int i = 0; i < 3; i++) /* at once */
        assert_false(alarmed(i, "c1"));
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 2, "two@b.example", true), REPLY_OK);
    for (int i = 0; i < 3; i++)
        for (int k = 1; k <= 2; k++)
            assert_true(world_answers(&world, i, k == 1 ? "one@b.example" : "two@b.example"));
    assert_true(view_cluster(core(0), 2, &c));
    assert_true(slice_eq(c.cluster_id, slice_of("fresh")) && c.linked);
    assert_int_equal(c.entries, 2); /* its plan came with it */
    world_pass(&world, 4 * 60 * TICK_S);
    for (int i = 0; i < 3; i++)
        assert_false(alarmed(i, "c1"));
}

static void original_gets_an_identity(void **state)
{
    (void)state;
    clone_gets_an_identity(1, 2);
}

static void copy_gets_an_identity(void **state)
{
    (void)state;
    clone_gets_an_identity(2, 1);
}

/* Two hubs saw one copy each, and both wrote: when the hubs meet, all are told, and whoever's head
 * lost writes no more. */
static void second_writer(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    configure(3, "c3", "secret");
    world_join(&world, 3, 0, ROLE_HUB);
    world_spoke(&world, 1, 0, "secret");
    world_plan(&world, 1, "alice@b.example", true);
    world_block(&world, 0, 3, true);
    world_block(&world, 0, 2, true);
    world_block(&world, 3, 1, true);
    world_copy(&world, 1, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_true(linked(1) && linked(2));
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 2, "two@b.example", true), REPLY_OK);
    assert_int_equal(core(1)->own->head.usn, core(2)->own->head.usn);
    world_block(&world, 0, 3, false);
    world_pass(&world, 30 * TICK_S);
    bool one_wins = memcmp(core(1)->own->head.root, core(2)->own->head.root, HASH_SIZE) > 0;
    int loser = one_wins ? 2 : 1, winner = 3 - loser;
    for (int i = 0; i < 4; i += 3) { /* the hubs agree */
        const struct stream *s = stream_find(core(i), core(1)->key, STREAM_PLAN);
        assert_memory_equal(s->head.root, core(winner)->own->head.root, HASH_SIZE);
    }
    int hub = loser == 1 ? 0 : 3; /* of the two it is the one that saw the other head */
    assert_true(alarmed(hub, "c1"));
    assert_true(world_said(&world, hub, EVENT_SECOND_WRITER));
    assert_true(stream_find(core(hub), core(1)->key, STREAM_PLAN)->second.n != 0);
    assert_true(core(loser)->own->rolled_back);
    assert_true(alarmed(loser, "c1"));
    assert_int_equal(world_plan(&world, loser, "more@b.example", true), REPLY_ROLLED_BACK);
    assert_int_equal(identity(loser, "fresh"), REPLY_OK);
    world_block(&world, 0, 2, false);
    world_block(&world, 3, 1, false);
    world_pass(&world, 70 * TICK_S);
    assert_int_equal(world_plan(&world, loser, "more@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "more@b.example"));
    assert_true(world_answers(&world, winner, "one@b.example"));
    assert_true(world_answers(&world, winner, "two@b.example"));
}

/* --- another key */

static void identity_is_judged(void **state)
{
    (void)state;
    assert_int_equal(identity(1, "x"), REPLY_NOT_INITIALISED);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(identity(1, ""), REPLY_CLUSTER_ID);
    assert_int_equal(identity(1, CLUSTER_ID_DEFAULT), REPLY_CLUSTER_ID_DEFAULT);
    assert_int_equal(identity(1, "c0"), REPLY_CLUSTER_ID_TAKEN);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_IDENTITY_NEW,
                                   .cluster_id = slice_of("x"), .fqdn = slice_of("nodots")}),
                     REPLY_FQDN);
    assert_true(linked(1));
}

/* The disk that takes the new identity had lost rows before, which are written once more: not with
 * the names of the former one. */
static void a_new_name_stays(void **state)
{
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world.node[1].full = true;
    assert_int_equal(world_plan(&world, 0, "new@0.example", true), REPLY_OK);
    world_stop(&world, 0);
    world_pass(&world, 120 * TICK_S);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_true(world.node[1].ils->rows_lost);
    world.node[1].full = false;
    assert_int_equal(identity(1, "fresh"), REPLY_OK);
    world_pass(&world, TICK_S);
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    struct view_self self;
    view_self(world.node[1].ils, &self);
    assert_true(slice_eq(self.cluster_id, slice_of("fresh")));
}

static void import(int node, size_t n)
{
    static struct change change[20000];
    static char text[20000][24];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "user%07zu", i);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(text[i]),
                                    .domain = slice_of("b.example")};
    }
    assert_int_equal(world_command(&world, node, (struct command){
                         .type = COMMAND_PLAN, .change = change, .change_n = n,
                         .source = slice_of("hr"), .replace = true}), REPLY_OK);
}

/* Rows of the store under this key. */
static size_t rows_under(int i, const uint8_t *key)
{
    size_t n = 0;
    for (size_t k = 0; k < world.node[i].row_n; k++) {
        const struct world_row *r = &world.node[i].row[k];
        n += (r->space == ROW_STREAM || r->space == ROW_SEGMENT) && r->key_n >= KEY_SIZE &&
             memcmp(r->key, key, KEY_SIZE) == 0;
    }
    return n;
}

static void whole(int i, const uint8_t *former, bool is_new)
{
    assert_int_equal(memcmp(core(i)->key, former, KEY_SIZE) != 0, is_new);
    assert_true(slice_eq(text_slice(core(i)->cluster_id), slice_of(is_new ? "fresh" : "c1")));
    assert_true(slice_eq(text_slice(core(i)->fqdn),
                         slice_of(is_new ? "fresh.example" : "c1.example")));
    assert_true(slice_eq(text_slice(core(i)->route_string), text_slice(core(i)->fqdn)));
    assert_true(world_answers(&world, i, "user0019999@b.example"));
    assert_int_equal(catalog_live(core(i)->own->catalog), 20000);
    assert_memory_equal(core(i)->own->head.key, core(i)->key, KEY_SIZE);
    assert_true(head_signed(buf_slice(&core(i)->own->head_bytes)));
    assert_true(head_signed(buf_slice(&core(i)->self->head_bytes)));
    assert_true(stream_find(core(i), core(i)->key, STREAM_PLAN) == core(i)->own);
    assert_int_equal(rows_under(i, former) != 0, !is_new);
}

static struct command new_command(void)
{
    return (struct command){.type = COMMAND_IDENTITY_NEW, .cluster_id = slice_of("fresh"),
                            .fqdn = slice_of("fresh.example")};
}

static void large_identity(void **state)
{
    (void)state;
    uint8_t former[KEY_SIZE];
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    import(1, 20000);
    memcpy(former, core(1)->key, KEY_SIZE);
    world_block(&world, 0, 1, true); /* the hub still has the former one, and tells of it */
    assert_int_equal(world_command(&world, 1, new_command()), REPLY_OK);
    whole(1, former, true);
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    whole(1, former, true);
    assert_int_equal(core(1)->boot, 2);
    world_block(&world, 0, 1, false);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(1));
    assert_true(stream_held(stream_find(core(0), core(1)->key, STREAM_PLAN)));
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(world_plan(&world, 1, "more@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "more@b.example"));
}

/* Killed before the batch, and before its answer; and where the disk refuses it. */
static void crash_at_any_point(void **state)
{
    (void)state;
    uint8_t former[KEY_SIZE];
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    import(1, 20000);
    memcpy(former, core(1)->key, KEY_SIZE);
    world.node[1].full = true;
    assert_int_equal(world_command(&world, 1, new_command()), REPLY_STORE);
    whole(1, former, false);
    world_pass(&world, 10 * TICK_S);
    assert_true(linked(1));
    world_ask(&world, 1, new_command()); /* the disk did not take it before the end */
    world_stop(&world, 1);
    world.node[1].full = false;
    world_start(&world, 1, &mem.mem);
    whole(1, former, false);
    world_pass(&world, 12 * TICK_S);
    assert_true(linked(1));
    world_block(&world, 0, 1, true);
    world_ask(&world, 1, new_command()); /* it did, and nobody heard of it */
    world_ask(&world, 1, (struct command){.type = COMMAND_DESCRIBE, .description = slice_of("x")});
    assert_int_equal(world.node[1].reply, REPLY_BUSY_IDENTITY);
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    whole(1, former, true);
    world_block(&world, 0, 1, false);
    world_pass(&world, 12 * TICK_S);
    assert_true(linked(1));
    assert_true(world_answers(&world, 0, "user0000000@b.example"));
}

/* A change that is on its way to the disk when the command comes is not lost. */
static void change_under_way(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("alice"),
                            .domain = slice_of("b.example")};
    world_ask(&world, 1, (struct command){.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                                          .source = slice_of("test")});
    change.user = slice_of("bob"); /* waits for its turn */
    world_ask(&world, 1, (struct command){.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                                          .source = slice_of("test")});
    assert_int_equal(identity(1, "fresh"), REPLY_OK);
    world_run(&world);
    assert_true(linked(1));
    for (int i = 0; i < 2; i++) {
        assert_true(world_answers(&world, i, "alice@b.example"));
        assert_true(world_answers(&world, i, "bob@b.example"));
    }
}

/* A hub: its spokes expect another key at its place, and say so. */
static void identity_of_a_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(identity(0, "fresh"), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world.node[1].verdict.code, CODE_OTHER_CLUSTER);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_ROLE}), REPLY_OK);
    assert_int_equal(world_join(&world, 1, 0, ROLE_SPOKE), REPLY_OK);
    assert_true(linked(1));
}

/* Every allocation refused in turn: it is the one or the other, and lives or ends. */
static void identity_story(struct mem *m)
{
    test_mem_init(&mem, 0);
    world_init(&world);
    world_start(&world, 0, &mem.mem);
    world_hub(&world, 0, "secret");
    world_start(&world, 1, m);
    if (core(1) != NULL && !world.node[1].dead) {
        world_spoke(&world, 1, 0, "secret");
        world_plan(&world, 1, "alice@b.example", true);
        identity(1, "fresh");
        world_pass(&world, 5 * TICK_S);
    }
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
}

static void every_refusal(void **state)
{
    (void)state;
    test_every_refusal(identity_story);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(id_of_the_hub), CASE(id_of_a_hub_that_joins), CASE(id_of_another),
        CASE(holder_is_gone), CASE(default_id), CASE(default_id_of_the_hub), CASE(id_by_relay),
        CASE(renamed), CASE(higher_boot_stays), CASE(clone_goes),
        CASE(lower_boot_comes_later), CASE(no_other_hub), CASE(who_said_so_is_no_hub),
        CASE(same_boot),
        CASE(original_gets_an_identity), CASE(copy_gets_an_identity), CASE(second_writer),
        CASE(identity_is_judged),
        CASE(a_new_name_stays), CASE(large_identity), CASE(crash_at_any_point),
        CASE(change_under_way), CASE(identity_of_a_hub), cmocka_unit_test(every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
