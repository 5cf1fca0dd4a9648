/* collision: how many links a pair of clusters ends up with, when both may dial.
 *
 * N clusters (2 or 3), each pair of which wants one link. A connection is a slot of its pair; slots
 * are kept in the order in which they were dialled, so the place is the serial number. The dialler's
 * level: 1 its proof is sent, 2 the other's proof came and it said yes: up. The acceptor's level: 0
 * nothing came yet, 1 it answered with its own proof, 2 the yes came: up. An end that has closed is
 * SHUT, or SPOKE if the other end may still receive what it said before (the dialler's yes, the
 * acceptor's proof). A close may overtake what was sent before it, as a reset does. What a proof says
 * of the boot number holds for the connection; a visit is a dial that is closed when proved.
 *
 * The rule of src/core/link.c: of two links that are up at one end the greater (the other end's boot,
 * TLS, dialled by the higher peer id, serial) stays, the other is closed. Of src/core/mesh.c: nobody
 * dials who has a link or an attempt of his own; only the end that dialled a link renews it, and one
 * that is to be weaker than its successor is closed first.
 *
 * What may happen, each at most so many times: RESTARTS of each cluster (all its ends are gone), CUTS
 * (an end gives up a link), RENEWALS (an old link is to be replaced), CHANGES of the method that a
 * cluster offers, VISITS. With NOHOLD an end that is up never finds out that a restart took the
 * other end away: the boot number alone must do.
 *
 * Claim: whatever happens, in the end each pair has one link, up at both ends, and nothing else; and
 * a link of a former life never costs one of the present life.
 *
 * Wrong rules, of which the claim must not hold: FIRST (whoever is there stays), NOBOOT (the boot
 * number is not looked at), ANYBODY (the end that did not dial a link may renew it too). */
#ifndef N
#define N 2
#endif
#if N == 2
#define PAIRS 1
#elif defined(STAR)
#define PAIRS 2
#else
#define PAIRS 3
#endif
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef TOGETHER
#define TOGETHER (N * RESTARTS)
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef RENEWALS
#define RENEWALS 0
#endif
#ifndef CHANGES
#define CHANGES 0
#endif
#ifndef VISITS
#define VISITS 0
#endif
#if RESTARTS + CUTS + RENEWALS + CHANGES + VISITS > 0
#define FAULTS
#endif
#define SHUT  3
#define SPOKE 4
#define ALL   (PAIRS * SLOTS)

byte who[ALL];       /* 0: free; 1: dialled by the lower end of the pair, 2: by the higher */
byte dl[ALL], al[ALL];
byte bd[ALL], ba[ALL]; /* boots: the dialler's, the acceptor's */
bit tls[ALL], visit[ALL];
bit silent[ALL];     /* one end went in a restart: the other hears nothing */
byte boot[N];
bit method[N];       /* what it offers: 1 = TLS */
bit old[ALL];        /* it is to be renewed */
byte restarts, cuts, visits, renewals, changes[N];
hidden byte x, y, z, w;
hidden byte beats;

#define LOW(p)     ((p) == 2) /* pairs: 0-1, 0-2, 1-2; no conditions: they are in the claim */
#define HIGH(p)    (2 - ((p) == 0))
#define NODE(p, e) ((1 - (e)) * LOW(p) + (e) * HIGH(p))
#define PAIR(k)    ((k) / SLOTS)
#define FIRST_OF(p) ((p) * SLOTS)
#define FULL(p)    (who[FIRST_OF(p) + SLOTS - 1] != 0)
#define IS_D(k, e) (who[k] == (e) + 1)
#define IS_A(k, e) (who[k] == 2 - (e))
#define UP(k, e)   ((IS_D(k, e) && dl[k] == 2) || (IS_A(k, e) && al[k] == 2))
#define THEIRS(k, e) (IS_D(k, e) * ba[k] + IS_A(k, e) * bd[k])
#define STALE(k, e) (THEIRS(k, e) < boot[NODE(PAIR(k), 1 - (e))])
#define ASKS(k, e) (IS_D(k, e) && dl[k] == 1 && !visit[k])
#if SLOTS == 3
#define ANY(of, p, e) (of(FIRST_OF(p), e) || of(FIRST_OF(p) + 1, e) || of(FIRST_OF(p) + 2, e))
#elif SLOTS == 2
#define ANY(of, p, e) (of(FIRST_OF(p), e) || of(FIRST_OF(p) + 1, e))
#else
#define ANY(of, p, e) (of(FIRST_OF(p), e) || of(FIRST_OF(p) + 1, e) || of(FIRST_OF(p) + 2, e) || \
                       of(FIRST_OF(p) + 3, e))
#endif

/* A slot whose two ends have closed is gone; the later ones move up. All that is said of it is zero
 * then, so that equal situations are equal states. */
inline tidy(p) {
    x = FIRST_OF(p);
    do
    :: x < FIRST_OF(p) + SLOTS && who[x] != 0 && dl[x] >= SHUT && al[x] >= SHUT ->
        y = x;
        do
        :: y + 1 < FIRST_OF(p) + SLOTS ->
            who[y] = who[y + 1]; dl[y] = dl[y + 1]; al[y] = al[y + 1]; bd[y] = bd[y + 1];
            ba[y] = ba[y + 1]; tls[y] = tls[y + 1]; visit[y] = visit[y + 1];
            silent[y] = silent[y + 1]; old[y] = old[y + 1]; y++
        :: else -> break
        od;
        who[y] = 0; dl[y] = 0; al[y] = 0; bd[y] = 0; ba[y] = 0; tls[y] = 0; visit[y] = 0;
        silent[y] = 0; old[y] = 0
    :: x < FIRST_OF(p) + SLOTS && !(who[x] != 0 && dl[x] >= SHUT && al[x] >= SHUT) -> x++
    :: else -> break
    od;
    x = 0; y = 0
}

/* End e closes its end of k. */
inline shut(k, e) {
    if
    :: IS_D(k, e) -> dl[k] = (dl[k] == 2 -> SPOKE : SHUT)
    :: else -> al[k] = (al[k] >= 1 -> SPOKE : SHUT)
    fi
}

/* Does link a, which comes up at end e, beat b, which is up there? */
inline compare(a, b, e) {
#ifdef FIRST
    beats = 0;
#else
    if
#ifndef NOBOOT
    :: THEIRS(a, e) != THEIRS(b, e) -> beats = (THEIRS(a, e) > THEIRS(b, e))
    :: THEIRS(a, e) == THEIRS(b, e) && tls[a] != tls[b] -> beats = tls[a]
    :: THEIRS(a, e) == THEIRS(b, e) && tls[a] == tls[b] ->
#else
    :: tls[a] != tls[b] -> beats = tls[a]
    :: else ->
#endif
        if
        :: who[a] != who[b] -> beats = (who[a] == 2)
        :: else -> beats = (a > b)
        fi
    fi
#endif
}

/* Link k is up at end e from now on. */
inline up(k, e) {
    z = FIRST_OF(PAIR(k));
    do
    :: z < FIRST_OF(PAIR(k)) + SLOTS && (z == k || !UP(z, e)) -> z++
    :: else -> break
    od;
    if
    :: z < FIRST_OF(PAIR(k)) + SLOTS ->
        compare(k, z, e);
        if
        :: beats -> assert(!(STALE(k, e) && !STALE(z, e))); shut(z, e)
        :: else -> assert(!(STALE(z, e) && !STALE(k, e))); shut(k, e)
        fi
    :: else
    fi;
    z = 0; beats = 0
}

/* What can happen to k at the acceptor's end, and at the dialler's. */
#define PROOF_COMES(k)  (who[k] != 0 && al[k] == 0)
#define YES_COMES(k)    (who[k] != 0 && al[k] == 1 && (dl[k] == 2 || dl[k] == SPOKE))
#define ANSWER_COMES(k) (who[k] != 0 && dl[k] == 1 && (al[k] == 1 || al[k] == SPOKE))
#ifdef NOHOLD
#define HEARS(k, mine)  (!silent[k] || mine != 2)
#else
#define HEARS(k, mine)  true
#endif
#define A_SEES_END(k)   (who[k] != 0 && dl[k] >= SHUT && al[k] < SHUT && HEARS(k, al[k]))
#define D_SEES_END(k)   (who[k] != 0 && al[k] >= SHUT && dl[k] < SHUT && HEARS(k, dl[k]))

/* The acceptor's end; who[k] - 1 is the dialler's. */
inline proof_comes(k) {
    al[k] = 1;
    ba[k] = boot[NODE(PAIR(k), 2 - who[k])];
    tidy(PAIR(k))
}
inline yes_comes(k) {
    al[k] = 2;
    up(k, 2 - who[k]);
    tidy(PAIR(k))
}
inline answer_comes(k) {
    if
    :: visit[k] -> dl[k] = SHUT
    :: else -> dl[k] = 2; up(k, who[k] - 1)
    fi;
    tidy(PAIR(k))
}
inline a_sees_end(k) { al[k] = (al[k] >= 1 -> SPOKE : SHUT); tidy(PAIR(k)) }
inline d_sees_end(k) { dl[k] = (dl[k] == 2 -> SPOKE : SHUT); tidy(PAIR(k)) }

/* In whatever order the network has it. */
#define HAPPENS(k) \
    :: atomic { PROOF_COMES(k) -> d_step { proof_comes(k) } } \
    :: atomic { YES_COMES(k) -> d_step { yes_comes(k) } } \
    :: atomic { ANSWER_COMES(k) -> d_step { answer_comes(k) } } \
    :: atomic { A_SEES_END(k) -> d_step { a_sees_end(k) } } \
    :: atomic { D_SEES_END(k) -> d_step { d_sees_end(k) } }

active proctype network() {
    do
    HAPPENS(0) HAPPENS(1)
#if PAIRS * SLOTS > 2
    HAPPENS(2)
#endif
#if PAIRS * SLOTS > 3
    HAPPENS(3)
#endif
#if PAIRS * SLOTS > 4
    HAPPENS(4) HAPPENS(5)
#endif
#if PAIRS * SLOTS > 6
    HAPPENS(6) HAPPENS(7) HAPPENS(8)
#endif
    od
}

/* Nothing waits for ever: of each pair the oldest connection of which something is under way. */
#define WAITS(k) (PROOF_COMES(k) || YES_COMES(k) || ANSWER_COMES(k) || A_SEES_END(k) || D_SEES_END(k))
inline oldest(p) {
    w = FIRST_OF(p);
    do
    :: !WAITS(w) -> w++
    :: else -> break
    od;
    if
    :: PROOF_COMES(w) -> proof_comes(w)
    :: YES_COMES(w) -> yes_comes(w)
    :: ANSWER_COMES(w) -> answer_comes(w)
    :: A_SEES_END(w) && !YES_COMES(w) && !PROOF_COMES(w) -> a_sees_end(w)
    :: else -> d_sees_end(w)
    fi;
    w = 0
}
#define WAITS_AT(k, e) WAITS(k)
proctype patience(byte p) {
    do
    :: atomic { ANY(WAITS_AT, p, 0) -> d_step { oldest(p) } }
    od
}

/* End e of pair p dials. */
inline dial(p, e, v) {
    x = FIRST_OF(p);
    do
    :: who[x] != 0 -> x++
    :: else -> break
    od;
    who[x] = e + 1; dl[x] = 1; al[x] = 0;
    bd[x] = boot[NODE(p, e)]; tls[x] = method[NODE(p, e)]; visit[x] = v;
    x = 0
}
#ifdef ANYBODY
#define OWN_UP(k, e) UP(k, e)
#else
#define OWN_UP(k, e) (IS_D(k, e) && dl[k] == 2)
#endif
#define OTHER_METHOD(k, e) (OWN_UP(k, e) && tls[k] != method[NODE(PAIR(k), e)])
#define OLD_UP(k, e) (OWN_UP(k, e) && old[k])
#define TOO_STRONG(k, e) (OTHER_METHOD(k, e) && tls[k])
inline close_stronger(p, e) {
    x = FIRST_OF(p);
    do
    :: x < FIRST_OF(p) + SLOTS ->
        if
        :: TOO_STRONG(x, e) -> shut(x, e)
        :: else
        fi;
        x++
    :: else -> break
    od;
    x = 0
}
#define DIALS(p, e) \
    :: atomic { !FULL(p) && !ANY(ASKS, p, e) && !ANY(UP, p, e) -> d_step { dial(p, e, 0) } }
#define RENEWS(p, e) \
    :: atomic { !FULL(p) && !ANY(ASKS, p, e) && ANY(OLD_UP, p, e) -> d_step { dial(p, e, 0) } }
#define CONFORMS(p, e) \
    :: atomic { !FULL(p) && !ANY(ASKS, p, e) && ANY(OTHER_METHOD, p, e) -> \
                d_step { close_stronger(p, e); dial(p, e, 0); tidy(p) } }
proctype ends(byte p) {
    do
    DIALS(p, 0) DIALS(p, 1)
#if RENEWALS > 0
    RENEWS(p, 0) RENEWS(p, 1)
#endif
#if CHANGES > 0
    CONFORMS(p, 0) CONFORMS(p, 1)
#endif
    od
}

/* What may happen, or may not. */
inline restart(n) {
    boot[n]++;
    restarts--;
    w = 0;
    do
    :: w < ALL ->
        if
        :: who[w] != 0 && dl[w] < SHUT && NODE(PAIR(w), who[w] - 1) == n ->
            shut(w, (who[w] - 1)); silent[w] = 1
        :: else
        fi;
        if
        :: who[w] != 0 && al[w] > 0 && al[w] < SHUT && NODE(PAIR(w), 2 - who[w]) == n ->
            shut(w, (2 - who[w])); silent[w] = 1
        :: else
        fi;
        w++
    :: else -> break
    od;
    tidy(0);
#if PAIRS > 1
    tidy(1);
#endif
#if PAIRS > 2
    tidy(2);
#endif
    w = 0
}
#define RESTART(n) :: atomic { restarts > 0 && boot[n] < RESTARTS -> d_step { restart(n) } }
#define CUT(k) \
    :: atomic { cuts > 0 && who[k] != 0 && dl[k] < SHUT -> \
                d_step { cuts--; shut(k, (who[k] - 1)); tidy(PAIR(k)) } } \
    :: atomic { cuts > 0 && who[k] != 0 && al[k] > 0 && al[k] < SHUT -> \
                d_step { cuts--; shut(k, (2 - who[k])); tidy(PAIR(k)) } }
#define VISIT(p, e) :: atomic { visits > 0 && !FULL(p) && !ANY(UP, p, e) && !ANY(ASKS, p, e) -> \
                                d_step { visits--; dial(p, e, 1) } }
#define AGE(k) :: atomic { renewals > 0 && who[k] != 0 && dl[k] == 2 && al[k] == 2 && !old[k] -> \
                           d_step { renewals--; old[k] = 1 } }
#define CHANGE(n) :: atomic { changes[n] > 0 -> d_step { changes[n]--; method[n] = 1 - method[n] } }
/* Time goes on when nothing happens: where everything has come to rest must be right as well. */
active proctype time() {
    do
    :: timeout
    od
}

proctype faults() {
    do
    :: break
    RESTART(0)
#ifndef STAR
    RESTART(1)
#if N > 2
    RESTART(2)
#endif
#endif
#if CUTS > 0
    CUT(0) CUT(1)
#if PAIRS * SLOTS > 2
    CUT(2)
#endif
#endif
#if RENEWALS > 0
    AGE(0) AGE(1)
#endif
#if VISITS > 0
    VISIT(0, 0) VISIT(0, 1)
#endif
#if CHANGES > 0
    CHANGE(0) CHANGE(1)
#endif
    od
}

init {
    atomic {
        restarts = TOGETHER; cuts = CUTS; visits = VISITS; renewals = RENEWALS;
        changes[0] = CHANGES; changes[1] = CHANGES;
        run ends(0); run patience(0);
#if PAIRS > 1
        run ends(1); run patience(1);
#endif
#if PAIRS > 2
        run ends(2); run patience(2);
#endif
#ifdef FAULTS
        run faults()
#endif
    }
}

#define ONE(p) (who[FIRST_OF(p)] != 0 && dl[FIRST_OF(p)] == 2 && al[FIRST_OF(p)] == 2 && \
                who[FIRST_OF(p) + 1] == 0 && !STALE(FIRST_OF(p), 0) && !STALE(FIRST_OF(p), 1))
#if PAIRS == 1
ltl settles { <>[] ONE(0) }
#elif PAIRS == 2
ltl settles { <>[] (ONE(0) && ONE(1)) }
#else
ltl settles { <>[] (ONE(0) && ONE(1) && ONE(2)) }
#endif
