/* role: hubs that become spokes and spokes that become hubs, in a network of N clusters.
 *
 * What a cluster is, it says in its stream 0: HUB, DRAINING (a hub that is about to be a spoke) or
 * SPOKE. The others hear of it later, in order, each at its own time; a change is told when it is
 * durable (dirty until then). Links are whole here, up at both ends or not at all: collision.pml has
 * how they become so.
 *
 * The rules of src/core/role.c and mesh.c: a hub drains when it has a link with another hub that is
 * not draining as far as it knows, else the command is refused. It becomes a spoke when no spoke is
 * linked any more, or its time is over, if such a hub is still linked; if none is, it stays a hub,
 * at once where it yields (another hub drains as well, and has the lower peer id). A spoke with no
 * hub that is not draining goes to another; when it has one, the other links go. Hubs are linked
 * with all hubs. Two hubs that hear of each other too late can both become spokes: who gave way to a
 * hub that turns out to be none, with no other left, is a hub again if its peer id is the higher.
 *
 * Claim: in the end there is a hub, nobody drains, every spoke has one link and that is with a hub,
 * hubs are all linked with each other, and each knows what the others are.
 *
 * WISHES: so many commands, at any time, at any cluster. HUBS: clusters 0 to HUBS - 1 begin as hubs.
 *
 * Wrong rules, of which the claim must not hold: NOASK (a hub becomes a spoke without asking whether
 * another is left), NOREPAIR (who gave way stays a spoke, whatever the other does). */
#ifndef N
#define N 3
#endif
#ifndef HUBS
#define HUBS 2
#endif
#ifndef WISHES
#define WISHES 2
#endif
#define HUB      0
#define DRAINING 1
#define SPOKE    2

byte is[N];
byte home[N];         /* the hub it is registered with */
bit gave_way[N];      /* it was a hub, and drained */
bit dirty[N];
bit link[N * N];      /* [lower * N + higher] */
byte view[N * N];     /* [who * N + of whom] */
chan told[N * N] = [4] of { byte }; /* [to * N + from] */
byte wishes = WISHES;
hidden byte x, y;

#define L(a, b) (link[(a) * N + (b)] || link[(b) * N + (a)])
#define V(a, b) view[(a) * N + (b)]
#if N == 2
#define ANY(of, a) (of(a, 0) || of(a, 1))
#define HUBS_LEFT (is[0] != SPOKE || is[1] != SPOKE)
#define HEARD(a) (empty(told[a]) && empty(told[N + a]))
#else
#define ANY(of, a) (of(a, 0) || of(a, 1) || of(a, 2))
#define HUBS_LEFT (is[0] != SPOKE || is[1] != SPOKE || is[2] != SPOKE)
#define HEARD(a) (empty(told[a]) && empty(told[N + a]) && empty(told[2 * N + a]))
#endif
#define OTHER_HUB(a, b)  (a != b && L(a, b) && V(a, b) == HUB)
#define HAS_SPOKE(a, b)  (a != b && L(a, b) && V(a, b) == SPOKE)
#define YIELDS_TO(a, b)  (a > b && L(a, b) && V(a, b) == DRAINING)
#define NO_PLACE(a)      (!ANY(OTHER_HUB, a))

inline becomes(a, what) { is[a] = what; dirty[a] = 1 }

inline tell(a) {
    dirty[a] = 0;
    x = 0;
    do
    :: x < N ->
        if
        :: x != a -> told[x * N + a]!is[a]
        :: else
        fi;
        x++
    :: else -> break
    od;
    x = 0
}
#define ROOM(a, b) (a == b || nfull(told[(b) * N + (a)]))
#define ALL_ROOM(a) (ROOM(a, 0) && ROOM(a, 1) && ROOM(a, N - 1))

inline connect(a, b) {
    if
    :: a < b -> link[a * N + b] = 1
    :: else -> link[b * N + a] = 1
    fi
}
inline end(a, b) { link[(a) * N + (b)] = 0; link[(b) * N + (a)] = 0 }

/* Its time has come: the links with spokes end. */
inline drained(a) {
    becomes(a, SPOKE);
    gave_way[a] = 1;
    x = 0;
    do
    :: x < N ->
        if
        :: x != a && V(a, x) == SPOKE -> end(a, x)
        :: else
        fi;
        x++
    :: else -> break
    od;
    x = 0
}

/* One hub is enough. */
inline lets_go(a, keep) {
    x = 0;
    do
    :: x < N ->
        if
        :: x != a && x != keep -> end(a, x)
        :: else
        fi;
        x++
    :: else -> break
    od;
    x = 0
}
#define TOO_MANY(a, keep) (is[a] == SPOKE && !dirty[a] && OTHER_HUB(a, keep) && \
                           ((keep != 0 && a != 0 && L(a, 0)) || (keep != 1 && a != 1 && L(a, 1)) || \
                            (keep != N - 1 && a != N - 1 && L(a, N - 1))))

/* Who is dialled says no if it is no hub and does not know the dialler as one. */
#define ACCEPTS(b, a) (is[b] != SPOKE || V(b, a) != SPOKE)
#define DIALS(a, b) (a != b && !L(a, b) && ACCEPTS(b, a) && empty(told[a * N + b]) && \
                     ((is[a] != SPOKE && V(a, b) != SPOKE) || \
                      (is[a] == SPOKE && NO_PLACE(a) && V(a, b) == HUB)))

/* It gave way, and whom it counted on is no hub, nor is anybody else. */
#define NO_HUB(a, b) (a == b || V(a, b) == SPOKE)
#define NOBODY(a)    (NO_HUB(a, 0) && NO_HUB(a, 1) && NO_HUB(a, N - 1))
#define ALONE(a)     (is[a] == SPOKE && gave_way[a] && NOBODY(a) && a > home[a])
#define NEW_HOME(a, b) (V(a, home[a]) != HUB && OTHER_HUB(a, b))

#ifdef NOASK
#define MAY_DRAIN(a) true
#define MAY_FOR(a, b) (a != b)
#else
#define MAY_DRAIN(a) ANY(OTHER_HUB, a)
#define MAY_FOR(a, b) OTHER_HUB(a, b)
#endif

#define REACTS(a, b) \
    :: atomic { a != b && nempty(told[a * N + b]) -> told[a * N + b]?view[a * N + b] } \
    :: atomic { DIALS(a, b) -> d_step { connect(a, b) } } \
    :: atomic { is[a] != HUB && NEW_HOME(a, b) -> home[a] = b } \
    :: atomic { a != b && TOO_MANY(a, b) -> d_step { lets_go(a, b) } }

proctype cluster(byte a) {
    do
    REACTS(a, 0) REACTS(a, 1)
#if N > 2
    REACTS(a, 2)
#endif
#ifndef NOREPAIR
    :: atomic { ALONE(a) -> d_step { becomes(a, HUB); gave_way[a] = 0 } }
#endif
    :: atomic { dirty[a] && ALL_ROOM(a) -> d_step { tell(a) } }
    :: atomic { is[a] == DRAINING && MAY_DRAIN(a) && !ANY(HAS_SPOKE, a) && !dirty[a] ->
                d_step { drained(a) } }
    :: atomic { is[a] == DRAINING && MAY_DRAIN(a) && !dirty[a] && HEARD(a) -> /* over */
                d_step { drained(a) } }
    :: atomic { is[a] == DRAINING && !MAY_DRAIN(a) && ANY(YIELDS_TO, a) ->
                d_step { becomes(a, HUB) } }
    :: atomic { is[a] == DRAINING && !MAY_DRAIN(a) && !dirty[a] && HEARD(a) -> /* over */
                d_step { becomes(a, HUB) } }
    od
}

#define WISH_SPOKE(a, b) \
    :: atomic { wishes > 0 && is[a] == HUB && MAY_FOR(a, b) -> \
                d_step { wishes--; home[a] = b; becomes(a, DRAINING) } }
#define WISH(a) \
    WISH_SPOKE(a, 0) WISH_SPOKE(a, 1) WISH_SPOKE(a, N - 1) \
    :: atomic { wishes > 0 && is[a] != HUB -> \
                d_step { wishes--; gave_way[a] = 0; becomes(a, HUB) } }
/* Time goes on when nothing happens: where everything has come to rest must be right as well. */
active proctype time() {
    do
    :: timeout
    od
}

proctype operators() {
    do
    :: break
    WISH(0) WISH(1)
#if N > 2
    WISH(2)
#endif
    od
}

init {
    d_step {
        do
        :: y < N ->
            x = 0;
            is[y] = (y < HUBS -> HUB : SPOKE);
            do
            :: x < N ->
                view[y * N + x] = (x < HUBS -> HUB : SPOKE);
                if
                :: y < x && (x < HUBS || y == 0) -> link[y * N + x] = 1
                :: else
                fi;
                x++
            :: else -> break
            od;
            y++
        :: else -> break
        od;
        x = 0; y = 0
    }
    atomic {
        run cluster(0); run cluster(1);
#if N > 2
        run cluster(2);
#endif
        run operators()
    }
}

#define KNOWN(a, b) (V(a, b) == is[b])
#define IS_HUB(a)   (is[a] == HUB)
#define SERVED(a, b, c) (is[a] == HUB || (is[a] == SPOKE && \
                         ((L(a, b) && IS_HUB(b) && !L(a, c)) || (L(a, c) && IS_HUB(c) && !L(a, b)))))
#define MESHED(a, b) (!IS_HUB(a) || !IS_HUB(b) || L(a, b))
#if N == 2
#define SETTLED (KNOWN(0, 1) && KNOWN(1, 0) && L(0, 1) && is[0] != DRAINING && is[1] != DRAINING)
#else
#define SETTLED (KNOWN(0, 1) && KNOWN(0, 2) && KNOWN(1, 0) && KNOWN(1, 2) && KNOWN(2, 0) && \
                 KNOWN(2, 1) && SERVED(0, 1, 2) && SERVED(1, 0, 2) && SERVED(2, 0, 1) && \
                 MESHED(0, 1) && MESHED(0, 2) && MESHED(1, 2))
#endif
ltl settles { <>[] (HUBS_LEFT && SETTLED) }
