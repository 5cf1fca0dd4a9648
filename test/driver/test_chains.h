/* test_chains: the table of chains, and what is expected of each. */
#ifndef OPENILS_TEST_CHAINS_H
#define OPENILS_TEST_CHAINS_H

#include "authority.h"

#define LINKS_MAX 12

/* One certificate. Without `by` it is signed by the one before it, the first one by itself. */
struct chain_link {
    struct spec spec;
    bool stored, shown; /* in the trust store; sent along with the leaf */
    bool damaged;
    int by;     /* 1 + index of the issuer; -1: itself */
    int key_of; /* 1 + index of the certificate whose key it has */
};

enum crls { CRLS_NONE, CRLS_NOW, CRLS_OVER, CRLS_FORGED };

struct chain {
    const char *name;
    struct chain_link link[LINKS_MAX]; /* the last one is the leaf */
    bool downwards;                    /* shown from the root to the leaf; usually the other way */
    enum crls crls;                    /* of every authority */
    bool crl_check;                    /* openssl is to check, though there is none */
    int revoked;                       /* 1 + index of what they list */
    int server, client;                /* error expected of us, as server and as client */
    const char *why;                /* not NULL: openssl says something else, and this is why ... */
    int their_server, their_client; /* ... namely this */
};

extern const struct chain chains[];
extern const size_t chains_n;

#endif
