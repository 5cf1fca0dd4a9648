/* peer: see peer.h. */
#include "peer.h"

void peer_init(struct peer_end *p, struct mem *mem, uint64_t seed, const uint8_t stretched[32],
               bool dialler)
{
    static uint64_t dials;
    uint8_t number[8], hash[HASH_SIZE];
    memset(p, 0, sizeof *p);
    p->mem = mem;
    p->dialler = dialler;
    p->boot = 1;
    p->serial = dialler ? ++dials : 0; /* nobody counts backwards */
    memcpy(p->stretched, stretched, sizeof p->stretched);
    for (int i = 0; i < 8; i++, seed >>= 8)
        number[i] = (uint8_t)seed;
    crypto_hash1(hash, "peer key", slice_make(number, 8));
    crypto_keypair(hash, p->key, p->secret);
    crypto_hash1(p->entropy, "peer entropy", slice_make(number, 8));
    p->hello = (struct hello){.version_min = 1, .version_max = 1, .method = METHOD_PASSWORD,
                              .capabilities = CAPABILITY_RESERVED, .generation = 1};
    crypto_hash1(p->hello.random, "peer random", slice_make(number, 8));
    buf_init(&p->in, mem, SIZE_MAX);
    buf_init(&p->plain, mem, SIZE_MAX);
    buf_init(&p->out, mem, SIZE_MAX);
}

void peer_done(struct peer_end *p)
{
    buf_done(&p->in);
    buf_done(&p->plain);
    buf_done(&p->out);
}

void peer_send(struct peer_end *p, struct buf *b)
{
    if (p->sealed)
        sealed_put(&p->tx, &p->out, buf_slice(b));
    else
        buf_put_slice(&p->out, buf_slice(b));
    buf_reset(b);
}

void peer_frame(struct peer_end *p, uint8_t type, struct slice body)
{
    struct buf b;
    buf_init(&b, p->mem, SIZE_MAX);
    frame_put(&b, type, body);
    peer_send(p, &b);
    buf_done(&b);
}

void peer_hello(struct peer_end *p)
{
    struct buf b;
    buf_init(&b, p->mem, HELLO_MAX);
    hello_put(&b, &p->hello);
    if (p->hello.method == METHOD_INVITE)
        buf_put(&b, p->invite, sizeof p->invite);
    for (size_t i = 0; i < p->hello_more; i++)
        buf_put_u8(&b, 0xee);
    p->hello_mine_n = b.n;
    memcpy(p->hello_mine, b.p, b.n);
    peer_frame(p, FRAME_HELLO, buf_slice(&b));
    buf_done(&b);
}

static struct slice hello_of(const struct peer_end *p, bool dialler)
{
    return p->dialler == dialler ? slice_make(p->hello_mine, p->hello_mine_n)
                                 : slice_make(p->hello_theirs, p->hello_theirs_n);
}

static void send_proof(struct peer_end *p)
{
    struct proof proof = {.boot = p->boot, .serial = p->serial};
    struct buf b;
    memcpy(proof.key, p->key, KEY_SIZE);
    memcpy(proof.network, p->network, NETWORK_ID_SIZE);
    proof.cluster_id_n = 16; /* each key has an id of its own */
    for (size_t i = 0; i < 16; i++)
        proof.cluster_id[i] = (uint8_t)("0123456789abcdef"[p->key[i / 2] >> (i % 2 ? 0 : 4) & 15]);
    proof_sign(&proof, p->dialler != p->other_role, p->binder, p->secret);
    buf_init(&b, p->mem, SIZE_MAX);
    msg_proof_put(&b, &proof);
    peer_send(p, &b);
    buf_done(&b);
}

static struct slice exporter_of(const struct peer_end *p)
{
    return slice_make(p->exporter, p->tls ? HASH_SIZE : 0);
}

static void bind(struct peer_end *p, struct slice isk)
{
    size_t n = p->tls ? sizeof p->spki_mine : 0;
    struct slice mine = slice_make(p->spki_mine, n), theirs = slice_make(p->spki_theirs, n);
    struct binder_parts parts = {.hello_c = hello_of(p, true), .hello_s = hello_of(p, false),
                                 .exporter = exporter_of(p), .isk = isk,
                                 .spki_c = p->dialler ? mine : theirs,
                                 .spki_s = p->dialler ? theirs : mine};
    link_binder(p->binder, &parts);
}

static void take_hello(struct peer_end *p, struct slice body)
{
    uint8_t sid[HASH_SIZE];
    p->hello_theirs_n = body.n < HELLO_MAX ? body.n : HELLO_MAX;
    memcpy(p->hello_theirs, body.p, p->hello_theirs_n);
    if (!p->dialler)
        peer_hello(p);
    if (p->hello.method == METHOD_TLS) {
        bind(p, slice_make(NULL, 0));
        if (p->dialler)
            send_proof(p);
        return;
    }
    link_sid(sid, hello_of(p, true), hello_of(p, false), exporter_of(p));
    cpace_start(&p->cpace, p->dialler ? CPACE_DIALLER : CPACE_ACCEPTOR, p->stretched, sid,
                p->entropy);
    if (p->dialler)
        peer_frame(p, FRAME_SHARE, slice_make(p->cpace.share, POINT_SIZE));
}

static void take_confirm(struct peer_end *p, struct slice body)
{
    struct slice isk = slice_make(p->cpace.isk, CPACE_ISK_SIZE);
    p->garbled = p->garbled || !cpace_confirmed(&p->cpace, body);
    if (!p->dialler)
        peer_frame(p, FRAME_CONFIRM, slice_make(p->cpace.confirm, CPACE_CONFIRM_SIZE));
    bind(p, isk);
    if (p->dialler)
        sealed_keys(&p->tx, &p->rx, isk, p->binder);
    else
        sealed_keys(&p->rx, &p->tx, isk, p->binder);
    p->sealed = !p->tls;
    if (p->dialler)
        send_proof(p);
}

static void take_frame(struct peer_end *p, uint8_t type, struct slice body)
{
    p->got[type % PEER_TYPES]++;
    if (type == FRAME_GOODBYE) {
        struct arena a;
        arena_init(&a, p->mem);
        if (msg_goodbye_get(&a, body, &p->farewell) == 0)
            p->goodbye = p->farewell.code;
        arena_done(&a);
    } else if (p->manual && !p->sealed) {
        return;
    } else if (type == FRAME_HELLO) {
        take_hello(p, body);
    } else if (type == FRAME_SHARE && body.n == POINT_SIZE) {
        cpace_finish(&p->cpace, body.p);
        if (p->dialler)
            peer_frame(p, FRAME_CONFIRM, slice_make(p->cpace.confirm, CPACE_CONFIRM_SIZE));
        else
            peer_frame(p, FRAME_SHARE, slice_make(p->cpace.share, POINT_SIZE));
    } else if (type == FRAME_CONFIRM) {
        take_confirm(p, body);
    } else if (type == FRAME_PROOF) {
        p->up = true;
        if (!p->dialler)
            send_proof(p);
    } else if (p->frame != NULL) {
        p->frame(p, type, body);
    }
}

void peer_take(struct peer_end *p, struct slice bytes)
{
    uint8_t type;
    struct slice body;
    int r = 0;
    buf_put_slice(&p->in, bytes);
    struct slice in = buf_slice(&p->in);
    size_t max = p->tls ? FRAME_SEALED_MAX : FRAME_CLEAR_MAX;
    while (!p->sealed && (r = frame_take(&in, max, &type, &body)) == 0)
        take_frame(p, type, body);
    /* A refusal of the proof comes sealed; what came in clear before is taken already. */
    while (p->sealed && (r = sealed_take(&p->rx, &in, &p->plain)) == 0)
        ;
    p->garbled = p->garbled || r < 0;
    buf_drop(&p->in, p->in.n - in.n);
    struct slice plain = buf_slice(&p->plain);
    while (p->sealed && (r = frame_take(&plain, FRAME_SEALED_MAX, &type, &body)) == 0)
        take_frame(p, type, body);
    p->garbled = p->garbled || r < 0;
    buf_drop(&p->plain, p->plain.n - plain.n);
}
