/* table: every command and option of `ils`, with its help. Parsing, help, suggestions and shell
 * completion are views of this one table. */
#include "cli/cli.h"

#include <string.h>

const struct option_row global_options[] = {
    {"--data", "DIR", "the directory of ilsd (else $ILS_DATA, else " DATA_DEFAULT ")",
     OPTION_VALUE},
    {"--json", NULL, "the answer as JSON (docs/contract.md)", OPTION_FLAG},
    {"--help", NULL, "this help", OPTION_FLAG},
    {"--version", NULL, "the version of ils", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row init_options[] = {
    {"--cluster-id", "ID", "name of this cluster in the network, 1 to 50 characters",
     OPTION_NEEDED},
    {"--fqdn", "NAME", "fully qualified domain name of this cluster", OPTION_NEEDED},
    {"--description", "TEXT", "words for people", OPTION_VALUE},
    {"--route-string", "NAME", "what this cluster advertises for its numbers (else the FQDN)",
     OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row role_options[] = {
    {"--hub", "HOST[:PORT]", "spoke: the hub to register with (one that is known)", OPTION_VALUE},
    {"--no-wait", NULL, "spoke: do not wait until the spokes have gone to other hubs", OPTION_FLAG},
    {"--force", NULL, "standalone: also where spokes are left without any hub", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row configure_options[] = {
    {"--role", "ROLE", "hub, spoke or standalone", OPTION_VALUE},
    {"--hub", "HOST[:PORT]", "whom it registers with; none: nobody", OPTION_VALUE},
    {"--exchange", "on|off", "exchange plans with the other clusters", OPTION_VALUE},
    {"--route-string", "NAME", "what it advertises for its numbers", OPTION_VALUE},
    {"--sync-every", "MINUTES", "how often it says that it is there, 1 to 1440", OPTION_VALUE},
    {"--tls", "on|off", "offer TLS when dialling", OPTION_VALUE},
    {"--password", "on|off", "offer the password when dialling", OPTION_VALUE},
    {"--accept", "METHOD...", "as of `ils auth set`", OPTION_LIST},
    {"--new-password", NULL, "ask for the password of the network", OPTION_FLAG},
    {"--stdin", NULL, "read it from standard input", OPTION_FLAG},
    {"--generation", "N", "of that password (the preferred one, else 1)", OPTION_VALUE},
    {"--force", NULL, "also where spokes are left without any hub", OPTION_FLAG},
    {"--dry-run", NULL, "say what it would do, and do nothing", OPTION_FLAG},
    {"--yes", NULL, "do not ask", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row page_options[] = {
    {"--listen", "ADDR:PORT", "where it listens from now on", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row page_set_options[] = {
    {"--second-factor", "required|optional", "whether every account must have one", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row page_remove_options[] = {
    {"--second-factor", NULL, "its second factor alone, as when it is lost", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row yes_options[] = {
    {"--yes", NULL, "do not ask", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row store_copy_options[] = {
    {"--key", "FILE", "the key file of a database (store.key in the directory of ilsd)",
     OPTION_VALUE},
    {"--last", NULL, "then ilsd ends, with nothing left behind", OPTION_FLAG},
    {"--yes", NULL, "do not ask", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row leave_options[] = {
    {"--yes", NULL, "do not ask", OPTION_FLAG},
    {"--force", NULL, "also where spokes are left without any hub", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row identity_options[] = {
    {"--cluster-id", "ID", "its id from now on", OPTION_VALUE},
    {"--fqdn", "NAME", "its name from now on (as it is)", OPTION_VALUE},
    {"--yes", NULL, "do not ask", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row join_options[] = {
    {"--as", "hub|spoke", "the role this cluster takes (spoke)", OPTION_VALUE},
    {"--no-wait", NULL, "do not wait for the verdict", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row auth_options[] = {
    {"--tls", "on|off", "offer TLS when dialling", OPTION_VALUE},
    {"--password", "on|off", "offer the password when dialling", OPTION_VALUE},
    {"--accept", "METHOD...", "what is accepted when dialled: password, tls, tls+password;\n"
     "                             +METHOD adds one, -METHOD takes one away", OPTION_LIST},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row cert_export_options[] = {
    {"--out", "FILE", "where it goes (standard output); never over a file", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row csr_options[] = {
    {"--out", "FILE", "where the request goes (standard output); never over a file",
     OPTION_VALUE},
    {"--name", "NAME...", "more names and addresses beside the FQDN", OPTION_LIST},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row install_options[] = {
    {"--key", "FILE", "the private key (else in FILE, else the key in use)", OPTION_VALUE},
    {"--password-file", "FILE", "what opens PKCS#12 or an encrypted key: its first line",
     OPTION_VALUE},
    {"--force", NULL, "also when it is expired, lacks the FQDN or a purpose", OPTION_FLAG},
    {"--now", NULL, "use it at once, and say who is cut off by that", OPTION_FLAG},
    {"--no-wait", NULL, "announce it, and do not wait until it is used", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row renew_options[] = {
    {"--same-key", NULL, "keep the key: nobody needs to import anything", OPTION_FLAG},
    {"--days", "N", "how long it is valid (1826)", OPTION_VALUE},
    {"--now", NULL, "use it at once, and say who is cut off by that", OPTION_FLAG},
    {"--no-wait", NULL, "announce it, and do not wait until it is used", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row trust_options[] = {
    {"--password-file", "FILE", "what opens PKCS#12: its first line", OPTION_VALUE},
    {"--verdict", "ID", "the certificate that was refused under this verdict", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row invite_options[] = {
    {"--expires", "TIME", "how long it is good: 90m, 24h, 7d (24h)", OPTION_VALUE},
    {"--address", "HOST...", "where this hub is dialled (what ilsd advertises)", OPTION_LIST},
    {"--list", NULL, "the invites made", OPTION_FLAG},
    {"--remove", "ID", "take an invite back", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row password_options[] = {
    {"--generation", "N", "number of this password, the same at every cluster (1)", OPTION_VALUE},
    {"--stdin", NULL, "read the password from standard input", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row trace_options[] = {
    {"--follow", NULL, "print lines as they are written, until Ctrl-C", OPTION_FLAG},
    {"--last", NULL, "the lines of the last attempt to join", OPTION_FLAG},
    {"--lines", "N", "how many lines (100)", OPTION_VALUE},
    {"--level", "LEVEL", "error, significant or detailed: as serious at least", OPTION_VALUE},
    {"--cluster", "CLUSTER", "of this cluster only", OPTION_VALUE},
    {"--address", "ADDR", "with this address only", OPTION_VALUE},
    {"--verdict", "ID", "of this verdict only", OPTION_VALUE},
    {"--text", "TEXT", "only lines with this in them", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row audit_options[] = {
    {"--max", "N", "how many rows, newest first (100)", OPTION_VALUE},
    {"--before", "ID", "what is older than this row (--json shows ids)", OPTION_VALUE},
    {"--search", "TEXT", "only rows with this in them", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row import_options[] = {
    {"--source", "NAME", "where the rows come from: they replace what NAME gave before",
     OPTION_NEEDED},
    {"--encoding", "NAME", "of the file (UTF-8), such as CP932", OPTION_VALUE},
    {"--dry-run", NULL, "say what it would do, and who would be called then, and do nothing",
     OPTION_FLAG},
    {"--confirm", "TIME", "take it back after 90s, 5m, 2h, unless `ils plan confirm` comes first",
     OPTION_VALUE},
    {"--force", NULL, "also when most of what NAME gave before goes away", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row catalog_options[] = {
    {"--route-string", "NAME", "where calls to its entries go", OPTION_NEEDED},
    {"--description", "TEXT", "words for people", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row adopt_options[] = {
    {"--from", "CLUSTER", "whose it is now", OPTION_NEEDED},
    {"--description", "TEXT", "words for people", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row fill_options[] = {
    {"--encoding", "NAME", "of the file (UTF-8), such as CP932", OPTION_VALUE},
    {"--dry-run", NULL, "say what it would do, and who would be called then, and do nothing",
     OPTION_FLAG},
    {"--confirm", "TIME", "take it back after 90s, 5m, 2h, unless `ils plan confirm` comes first",
     OPTION_VALUE},
    {"--force", NULL, "also when most of what it held goes away", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row log_options[] = {
    {"--before", "N", "changes before that one", OPTION_VALUE},
    {"--max", "N", "how many changes (20), or keys of the one (100)", OPTION_VALUE},
    {"--skip", "N", "of one change: pass over so many keys", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row rollback_options[] = {
    {"--to", "N", "all changes after N, so that the plan is as it was then", OPTION_VALUE},
    {"--dry-run", NULL, "say what it would do, and do nothing", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row show_options[] = {
    {"--max", "N", "how many entries (100)", OPTION_VALUE},
    {"--source", "NAME", "of one source only", OPTION_VALUE},
    {"--search", "TEXT", "only where the number, URI or pattern contains it", OPTION_VALUE},
    {"--kind", "KIND", "only URI, ENTERPRISE, E164, ENTERPRISEPATTERN or E164PATTERN",
     OPTION_VALUE},
    {"--after", "PLACE", "the page behind the one that named this place", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row export_options[] = {
    {"--source", "NAME", "of one source only", OPTION_VALUE},
    {"--format", "ils|cucm", "cucm: as the original imports it, without enterprise numbers",
     OPTION_VALUE},
    {"--enterprise", NULL, "with cucm: enterprise numbers too, for who reads them", OPTION_FLAG},
    {"--all", NULL, "everybody's, one file for each route string", OPTION_FLAG},
    {"--dir", "DIR", "where these files go (.); files of the same name are replaced", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row add_options[] = {
    {"--failover", "RULE", "PSTN failover: ITSELF, STRIP:DIGITS (such as 3:0), a number, or -",
     OPTION_VALUE},
    {"--dry-run", NULL, "say what it would do, and do nothing", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row dry_run_options[] = {
    {"--dry-run", NULL, "say what it would do, and do nothing", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row source_options[] = {
    {"--file", "PATH", "a catalog file, read when it changes", OPTION_VALUE},
    {"--sqlite", "PATH", "an SQLite database, opened read-only", OPTION_VALUE},
    {"--postgresql", "DSN", "a PostgreSQL database: host=H dbname=D user=U, or postgresql://...",
     OPTION_VALUE},
    {"--mariadb", "DSN", "a MariaDB database: host=H dbname=D user=U, or socket=PATH",
     OPTION_VALUE},
    {"--ldap", "URL", "a directory: ldap://HOST (with StartTLS), ldaps://HOST, ldapi://PATH",
     OPTION_VALUE},
    {"--query", "SQL", "what to ask a database for; columns uri, number, pattern, type,\n"
     "                             failover; username and domain; alias_username and alias_domain",
     OPTION_VALUE},
    {"--base", "DN", "where in the directory", OPTION_VALUE},
    {"--filter", "F", "which objects of it, such as (objectClass=person)", OPTION_VALUE},
    {"--attributes", "MAP", "what their attributes are: URI=mail,NUMBER=telephoneNumber",
     OPTION_VALUE},
    {"--bind", "DN", "as whom the directory is asked (anonymously)", OPTION_VALUE},
    {"--password-file", "PATH", "its first line is the password; ilsd reads it", OPTION_VALUE},
    {"--ca", "PATH", "authority of the directory's certificate (those of the system)",
     OPTION_VALUE},
    {"--plain", NULL, "ldap:// without StartTLS", OPTION_FLAG},
    {"--domain", "NAME", "of users that come without one", OPTION_VALUE},
    {"--encoding", "NAME", "of the file (UTF-8), such as CP932", OPTION_VALUE},
    {"--every", "TIME", "how often it is read: 30s, 5m, 1h (5m)", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row run_options[] = {
    {"--force", NULL, "also where most of its entries go", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row unsource_options[] = {
    {"--entries", NULL, "its entries go as well", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row support_options[] = {
    {"--force", NULL, "write over a file that exists", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row diagnose_options[] = {
    {"--html", "FILE", "a report as one page, with the timeline of each attempt", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row block_options[] = {
    {"--prefix", "DIGITS", "numbers that begin so: digits, or + and digits", OPTION_VALUE},
    {"--cluster", "CLUSTER", "only what this cluster announces", OPTION_VALUE},
    {"--type", "TYPE", "only uri, enterprise or e164; '+E.164 Pattern' is e164", OPTION_VALUE},
    {"--description", "TEXT", "words for people", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row learned_options[] = {
    {"--cluster", "CLUSTER", "only what this cluster announces", OPTION_VALUE},
    {"--search", "TEXT", "only where the number, URI or pattern contains it", OPTION_VALUE},
    {"--kind", "KIND", "only URI, ENTERPRISE, E164, ENTERPRISEPATTERN or E164PATTERN",
     OPTION_VALUE},
    {"--stale", NULL, "only what is stale", OPTION_FLAG},
    {"--max", "N", "how many entries (100, at most 1000)", OPTION_VALUE},
    {"--after", "PLACE", "the page behind the one that named this place", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row accept_options[] = {
    {"--domain", "DOMAIN...", "URIs in this domain and below it", OPTION_LIST},
    {"--prefix", "DIGITS...", "numbers that begin so: digits, or + and digits", OPTION_LIST},
    {"--everything", NULL, "no bounds any more", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row why_options[] = {
    {"--from", "CLUSTER", "as that cluster would see it, as far as it is known here", OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row route_options[] = {
    {"--priority", "N", "the smaller is tried first, 0 to 65535 (else: behind the others)",
     OPTION_VALUE},
    {"--weight", "N", "among those of one priority, how often it is first, 0 to 65535 (10)",
     OPTION_VALUE},
    {"--unresolved", NULL, "also where the target's name does not resolve here", OPTION_FLAG},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row lookup_set_options[] = {
    {"--dial-strings", "phone|phone-abcd|uri", "which strings with a host are numbers: those of "
     "0-9, * and +; and A-D; none", OPTION_VALUE},
    {"--uri-case", "on|off", "users of URIs are compared with case", OPTION_VALUE},
    {"--domains", "on|off", "a route string that no route covers is a domain to call",
     OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

static const struct option_row door_options[] = {
    {"--listen", "ADDR:PORT|off", "where it answers; [ADDR]:PORT with IPv6", OPTION_VALUE},
    {"--allow", "NET...", "who may ask: networks such as 10.0.0.0/8, or `any`, or `private`",
     OPTION_LIST},
    {"--rate", "N/s", "requests of one source (an IPv6 /56) a second; `off`, `default`",
     OPTION_VALUE},
    {"--suffix", "NAME", "dns: what all its names end in; \"\": as by default", OPTION_VALUE},
    {"--send-route-string", "on|off", "sip, sips: redirects say X-cisco-dest-route-string",
     OPTION_VALUE},
    {NULL, NULL, NULL, OPTION_FLAG},
};

const struct command_row command_table[] = {
    {"init", "", 0, 0, "give this cluster its id and names", NULL, init_options, run_init},
    {"describe", "", 0, 0, "change the id and the names of this cluster",
     "What is not given stays. The key stays as well: to the others it is the same cluster.",
     init_options, run_describe},
    {"configure", "", 0, 0, "several settings as one change: all of them, or none",
     "Shows what would be another, which clusters that would disturb and whether they would come\n"
     "back, and asks. What is not given stays as it is.", configure_options, run_configure},
    {"role", "hub|spoke|standalone", 1, 1, "what this cluster is in the network",
     "hub: others register with it; it links itself with every other hub. spoke: a hub first lets\n"
     "its spokes go to the other hubs, and ils waits for that; the last hub stays one.\n"
     "standalone: out of the network, with the others keeping its data (else: ils leave). The\n"
     "only hub of spokes stays: first `ils role hub` at one of them.",
     role_options, run_role},
    {"join", "HOST[:PORT]|TOKEN", 1, 1, "join the network of a hub, and wait for the verdict",
     "The port is 7502 with the password, 7501 with TLS, unless it is given. TOKEN is what\n"
     "`ils invite` printed at a hub.\n"
     "Exit status: 0 joined, 1 refused. A refusal says why, what was seen, what to type and at\n"
     "which end.", join_options, run_join},
    {"leave", "", 0, 0, "leave the network: the others drop what it has told them",
     "Its entries stay here, and are everywhere again when it joins again. The only hub of spokes\n"
     "stays: first `ils role hub` at one of them.", leave_options, run_leave},
    {"disconnect", "CLUSTER", 1, 1, "part from a cluster until `ils connect`",
     "One's own: leave the network, after a question on a terminal.", NULL, run_disconnect},
    {"connect", "CLUSTER", 1, 1, "undo `ils disconnect`", NULL, NULL, run_connect},
    {"forget", "CLUSTER", 1, 1, "a cluster that is gone for good: all drop its data (at a hub)",
     "It may come back; what it holds is then believed anew. One that no hub knows any more is\n"
     "forgotten at the spoke that still knows it, there alone.", NULL, run_forget},
    {"ban", "CLUSTER", 1, 1, "a cluster is let in no more, by no hub (at a hub)",
     "All drop its data, and what it said about others as a hub counts no more.", yes_options,
     run_ban},
    {"unban", "CLUSTER", 1, 1, "a cluster that was banned may come back (at a hub)",
     "By its name or peer id, as `ils ended` shows them.", NULL, run_unban},
    {"ended", "", 0, 0, "who left, was forgotten or banned, and by whom", NULL, NULL, run_ended},
    {"hubs", "", 0, 0, "how this cluster stands with the hubs, and what mends it",
     "Exit status: 0 all are linked (to a spoke: met), 1 not all.", NULL, run_hubs},
    {"network", "", 0, 0, "the id of the network that this cluster is in", NULL, NULL,
     run_network},
    {"network adopt", "", 0, 0, "take the network of the hub in place of one's own",
     "After ILS-408. At a hub its own spokes are refused until they adopt it as well.", NULL,
     run_network_adopt},
    {"identity", "", 0, 0, "the key of this cluster, and whether it may write", NULL, NULL,
     run_identity},
    {"identity new", "", 0, 0, "a new key and id: for a copy that runs beside its original",
     "Typed at the copy. A certificate that ilsd made is made anew.", identity_options,
     run_identity_new},
    {"rebuild", "", 0, 0, "after a restored backup: take the plan as the neighbours hold it",
     "Says first what each side holds.", yes_options, run_rebuild},
    {"restore", "[FILE]", 0, 1, "put a backup back; without FILE: keep the plan as it is here",
     "The backup is checked first, the present store kept beside it, and ilsd goes on with it.\n"
     "Without FILE, after a restored backup: says first what each side holds.", yes_options,
     run_restore},
    {"backup", "FILE", 1, 1, "copy the store into a file, while ilsd runs, and check the copy",
     "Never over a file. It holds every secret of this cluster (mode 0600).", NULL, run_backup},
    {"verify", "[DIR|FILE]", 0, 1, "is the store what it says it is? Of a running ilsd, or of DIR",
     "DIR: a data directory that no ilsd uses; FILE: a backup.\n"
     "Exit status: 0 sound, 1 not, or it could not be read.", NULL, run_verify},
    {"store", "", 0, 0, "where the state of ilsd is, and how large", NULL, NULL, run_store},
    {"store copy", "TARGET", 1, 1, "copy the store to another kind of store, while ilsd runs",
     "TARGET is postgresql://USER@HOST/DATABASE, which is empty or of this cluster, or a file of\n"
     "SQLite (ilsd.db in a data directory). The copy is checked by roots and digests. Again: what\n"
     "changed meanwhile. To move: copy, change --store (ilsd.conf), copy with --last, start ilsd.",
     store_copy_options, run_store_copy},
    {"store key", "FILE", 1, 1, "make a key file, with which secrets are sealed in a database",
     "One ilsd makes its own (store.key in its directory); all that write one store need the same.",
     NULL, run_store_key},
    {"status", "", 0, 0, "is all well, and if not, why and what next?",
     "Exit status: 0 healthy, 1 degraded, 2 ilsd does not answer.", NULL, run_status},
    {"sync", "[CLUSTER]", 0, 1, "who has what of everybody, how late, and what they have of ours",
     "With CLUSTER: what that cluster holds, as it says itself.\n"
     "Exit status: 0 nothing is behind, 1 something is.", NULL, run_sync},
    {"sync every", "[MINUTES]", 0, 1, "how often each cluster says what it holds", NULL, NULL,
     run_sync_every},
    {"exchange", "[on|off]", 0, 1, "whether dial plans are exchanged with the other clusters",
     "off: this cluster's plan is withheld, and the others' are not served here. A hub relays on.",
     NULL, run_exchange},
    {"store release", "", 0, 0, "this ilsd writes no more, so that one that stands by does",
     "Links end for the seconds that it takes. Lookups are answered on.", NULL, run_store_release},
    {"clusters", "", 0, 0, "the table of clusters and imported catalogs", NULL, NULL,
     run_clusters},
    {"peers", "", 0, 0, "who was met, how, and over which link", NULL, NULL, run_peers},
    {"auth show", "", 0, 0, "what is offered and what is accepted", NULL, NULL, run_auth_show},
    {"auth set", "", 0, 0, "change what is offered and accepted", NULL, auth_options,
     run_auth_set},
    {"auth ready", "[tls|tls+password]", 0, 1,
     "who would stay with that method, who be cut off, and why?",
     "Exit status: 0 all stay, 1 not all.", NULL, run_auth_ready},
    {"cert show", "", 0, 0, "this cluster's certificate, and the next one where it is announced",
     NULL, NULL, run_cert_show},
    {"cert export", "", 0, 0, "this cluster's certificate as PEM, to be imported elsewhere",
     "At the other end: `ils trust import FILE`.", cert_export_options, run_cert_export},
    {"cert csr", "", 0, 0, "a request for an authority to sign, for the key in use", NULL,
     csr_options, run_cert_csr},
    {"cert install", "FILE|-", 1, 1, "install a certificate: PEM with its chain, DER or PKCS#12",
     "It is announced first, and used when every neighbour has it; ils waits for that.\n"
     "What is wrong with it is said, and the old one stays in use.", install_options,
     run_cert_install},
    {"cert renew", "", 0, 0, "make a new self-signed certificate, and announce it first", NULL,
     renew_options, run_cert_renew},
    {"cert now", "", 0, 0, "use the announced certificate at once, whoever lacks it", NULL, NULL,
     run_cert_now},
    {"trust list", "", 0, 0, "the trust store, and what was refused in the last 30 days", NULL,
     NULL, run_trust_list},
    {"trust show", "FINGERPRINT", 1, 1, "one certificate, in the store or refused",
     "The first 8 digits are enough where they tell it from the others.", NULL, run_trust_show},
    {"trust remove", "FINGERPRINT", 1, 1, "believe it no more", NULL, NULL, run_trust_remove},
    {"trust import", "[FILE|-]", 0, 1, "believe what is in a file, or what was refused",
     "PEM, DER, chains, CRLs and PKCS#12. All of a file, or nothing.", trust_options,
     run_trust_import},
    {"trust bundle export", "[FILE|-]", 0, 1, "every certificate believed, as one PEM file", NULL,
     NULL, run_bundle_export},
    {"trust bundle import", "FILE|-", 1, 1, "believe every certificate of such a file", NULL, NULL,
     run_bundle_import},
    {"trust introductions", "[on|off]", 0, 1,
     "is whom another hub invited imported here, and who was?",
     "off: nothing is imported by the word of a hub any more; what was stays.", NULL,
     run_introductions},
    {"invite", "", 0, 0, "a one-time token with which a stranger joins",
     "It is a secret: whoever holds it joins. At the other end: ils join TOKEN", invite_options,
     run_invite},
    {"password add", "", 0, 0, "add the network's password, or replace one generation of it",
     "On a terminal it is asked for twice. It is stretched here; ilsd never sees it.",
     password_options, run_password_add},
    {"password list", "", 0, 0, "the generations held", NULL, NULL, run_password_list},
    {"password prefer", "N", 1, 1, "the generation to dial with", NULL, NULL,
     run_password_prefer},
    {"password drop", "N", 1, 1, "forget one generation", NULL, NULL, run_password_drop},
    {"trace level", "[error|significant|detailed]", 0, 1, "show or set what is traced", NULL, NULL,
     run_trace_level},
    {"trace", "", 0, 0, "the newest lines of the trace", NULL, trace_options, run_trace},
    {"alarms", "", 0, 0, "alarms with count, first and last time", NULL, NULL, run_alarms},
    {"verdicts", "", 0, 0, "the last attempts to join, newest first", NULL, NULL, run_verdicts},
    {"audit", "", 0, 0, "every change: who, when, what", NULL, audit_options, run_audit},
    {"sql", "QUERY...", 1, WORDS_MAX, "SQL over the live state, read-only",
     "Tables: remotecluster, cluster, alarm, route, verdict, entry (the first 10000), and of what\n"
     "was learned remoteclusteruricatalog, remotecatalogkey, remoteroutingpattern (the first\n"
     "200000), alternatenumber, typepatternusage, typeglobalnumber.", NULL,
     run_sql},
    {"plan import", "FILE|-", 1, 1, "take a CSV file: all of it, or nothing",
     "Columns PatternType,PSTNFailover,Pattern, or those of `ils plan export`. Rows that name\n"
     "their source in a column `source` are that one's, and replace what it gave before.\n"
     "What the same source gave before and is not in the file any more goes away.",
     import_options, run_plan_import},
    {"plan log", "[N]", 0, 1, "what was done to the plan: who, when, from what; of one, its keys",
     "100 changes and 30 days are kept at least.", log_options, run_plan_log},
    {"plan rollback", "[N]", 0, 1, "take one change back, or all after one",
     "What later changes have touched stays as they made it, and is named.", rollback_options,
     run_plan_rollback},
    {"plan confirm", "", 0, 0, "what waits to be confirmed stays", NULL, NULL, run_plan_confirm},
    {"catalog add", "NAME", 1, 1, "a catalog for others who are in no network (at a hub)", NULL,
     catalog_options, run_catalog_add},
    {"catalog import", "NAME FILE|-", 2, 2, "fill a catalog from a CSV file: all of it, or nothing",
     "The file takes the place of what the catalog held.", fill_options, run_catalog_import},
    {"catalog list", "", 0, 0, "the imported catalogs, of this hub and of others", NULL, NULL,
     run_catalog_list},
    {"catalog remove", "NAME", 1, 1, "a catalog of this hub's goes: all drop it", NULL, NULL,
     run_catalog_remove},
    {"catalog adopt", "NAME", 1, 1, "take another hub's catalog over; then it may remove its own",
     NULL, adopt_options, run_catalog_adopt},
    {"plan show", "", 0, 0, "the entries of this cluster", NULL, show_options, run_plan_show},
    {"plan check", "", 0, 0, "what is odd about this cluster's patterns, entries and routes",
     "Patterns that never decide or meet others, entries of older versions that break a rule,\n"
     "routes that are never used. Exit status: 0 nothing, 1 something.", NULL, run_plan_check},
    {"plan export", "", 0, 0, "the entries of this cluster as CSV, on standard output", NULL,
     export_options, run_plan_export},
    {"plan add", "KIND KEY", 2, 2, "one entry: URI, ENTERPRISE, E164, or one of their patterns",
     "KIND is URI, ENTERPRISE, E164, ENTERPRISEPATTERN or E164PATTERN. Patterns take X, [1-5],\n"
     "[^0] and !, and behind a digit or one of these + and ?.", add_options, run_plan_add},
    {"plan remove", "KIND KEY", 2, 2, "take one entry away", NULL, dry_run_options,
     run_plan_remove},
    {"source add", "NAME", 1, 1, "take entries from a file, a database or a directory by itself",
     "What it gives replaces what it gave before. One that fails or gives nothing keeps its\n"
     "entries and raises ILSSourceFailed. Everything else: COMMAND | ils plan import - --source "
     "NAME", source_options, run_source_add},
    {"source list", "", 0, 0, "the sources, how they stand, and why one failed", NULL, NULL,
     run_source_list},
    {"source test", "NAME", 1, 1, "read a source and change nothing",
     "Exit status: 0 it is good, 1 it is not.", NULL, run_source_test},
    {"source run", "NAME", 1, 1, "read a source now", "Exit status: 0 done, 1 refused.",
     run_options, run_source_run},
    {"source remove", "NAME", 1, 1, "a source is read no more", NULL, unsource_options,
     run_source_remove},
    {"plan confirm-shrink", "", 0, 0, "the plan is meant to be so much smaller",
     "Until then the other clusters serve the former one.", NULL, run_plan_confirm_shrink},
    {"block add", "[PATTERN]", 0, 1, "what others announce, and is not to be served here",
     "PATTERN is a number, 206XXXXXXX, user@host or *@host. All that is given must fit. It is\n"
     "still relayed.",
     block_options, run_block_add},
    {"block list", "", 0, 0, "the blocks", NULL, NULL, run_block_list},
    {"block remove", "RULE", 1, 1, "take a block away", NULL, NULL, run_block_remove},
    {"accept", "CLUSTER", 1, 1, "what a cluster may announce; nothing else of it is served here",
     "What is given takes the place of what was accepted of it before.", accept_options,
     run_accept},
    {"accept list", "", 0, 0, "which clusters are bounded, and to what", NULL, NULL,
     run_accept_list},
    {"duplicates", "", 0, 0, "what two clusters announce, whose comes first, and why", NULL, NULL,
     run_duplicates},
    {"duplicates list", "", 0, 0, "the same", NULL, NULL, run_duplicates},
    {"duplicates prefer", "[CLUSTER...]", 0, WORDS_MAX,
     "of what several announce, whose comes first",
     "CLUSTER may be an imported catalog as well. Without one: no order any more.", NULL,
     run_duplicates_prefer},
    {"learned", "", 0, 0, "what the other clusters announce: browse it, or search it",
     "With age and what is made of each entry here. At the end of a page is how it goes on.",
     learned_options, run_learned},
    {"held", "", 0, 0, "what is not served as it came, why, and what next", NULL, NULL, run_held},
    {"held list", "", 0, 0, "the same", NULL, NULL, run_held},
    {"held release", "CLUSTER", 1, 1, "serve the plan of a cluster here although it shrank", NULL,
     NULL, run_held_release},
    {"limits", "", 0, 0, "every limit, and how much of it is used", NULL, NULL, run_limits},
    {"limits set", "learned N", 2, 2, "how many entries of other clusters there may be",
     "1 to 10000000. Lowered below what is there, it takes nothing away.", NULL, run_limits_set},
    {"lookup", "DIALLED", 1, 1, "where does a call go, and why?",
     "Exit status: 0 found, 1 not found.", why_options, run_lookup},
    {"lookup show", "", 0, 0, "how what is dialled is read", NULL, NULL, run_lookup_show},
    {"lookup set", "", 0, 0, "how what is dialled is read",
     "A string without a host is a number always. What is a number is tried as such first, then\n"
     "as the URI that it is; with `uri` as a URI alone.", lookup_set_options, run_lookup_set},
    {"why", "DIALLED", 1, 1, "how a lookup was decided: the winner, every loser, each route",
     "Exit status: 0 found, 1 not found.", why_options, run_why},
    {"route add", "PATTERN SIP-URI", 2, 2, "where route strings lead",
     "PATTERN is a name in which * may stand for a label (the first: for several), or *; the most\n"
     "specific decides. `pstn` leads to the PSTN gateway. What is dialled stands in the place of\n"
     "a user that SIP-URI names. Given again, it changes the numbers.",
     route_options, run_route_add},
    {"route test", "ROUTE-STRING", 1, 1, "which route decides for a route string, and which lose",
     "Exit status: 0 there is one, 1 there is none.", NULL, run_route_test},
    {"route list", "", 0, 0, "the routes", NULL, NULL, run_route_list},
    {"route remove", "PATTERN [SIP-URI]", 1, 2, "take a route away", NULL, NULL,
     run_route_remove},
    {"page", "", 0, 0, "the admin page: where it is, and who may come",
     "Closed until it is set up. Who has an account changes it on the page, or by its HTTP API\n"
     "(docs/api.md).", NULL, run_page},
    {"page setup", "", 0, 0, "open the admin page, and get a code for an account",
     "The code is good for 15 minutes and for one account; an account of that name gets a new\n"
     "password. The page listens on 127.0.0.1:7543 unless another place is named.",
     page_options, run_page_setup},
    {"page set", "", 0, 0, "what the admin page asks of every account",
     "A second factor is a code of an authenticator beside the password: everybody sets up his\n"
     "own on the page, under Accounts. Where it is required, who has none may do that alone.",
     page_set_options, run_page_set},
    {"page remove", "NAME", 1, 1, "an account of the admin page goes, or its second factor",
     NULL, page_remove_options, run_page_remove},
    {"door list", "", 0, 0, "where questions are answered, and for whom", NULL, NULL,
     run_door_list},
    {"door set", "sip|sips|dns|http|page", 1, 1,
     "open, move or close a door; who may ask, and how often",
     "At once, and after a restart in place of ilsd's own options. Where the port cannot be had,\n"
     "all stays as it was.", door_options, run_door_set},
    {"token add", "NAME", 1, 1, "a token for the HTTP door, shown once",
     "It is wanted where the door does not listen on loopback: Authorization: Bearer TOKEN", NULL,
     run_token_add},
    {"token list", "", 0, 0, "the names of the tokens", NULL, NULL, run_token_list},
    {"token remove", "NAME", 1, 1, "a token is good no more", NULL, NULL, run_token_remove},
    {"support", "FILE", 1, 1, "one file of evidence, without secrets",
     "Status, clusters, peers, alarms, verdicts, audit, trace and versions.", support_options,
     run_support},
    {"diagnose", "[FILE...|CLUSTER|HOST[:PORT]]", 0, WORDS_MAX,
     "what went wrong in a trace, or on the way to another cluster?",
     "SDL traces of this product or of the original, plain or gzip, one end or both; directories;\n"
     "`-`: standard input. Needs no ilsd. Exit status: 0 every attempt is explained, 1 not.\n"
     "With a cluster or host, ilsd tests name, port, TLS, chain, clock and password.",
     diagnose_options, run_diagnose},
    {"help", "[COMMAND...]", 0, WORDS_MAX, "help for a command", NULL, NULL, run_help},
};
const size_t command_table_n = sizeof command_table / sizeof *command_table;

const char *parsed_get(const struct parsed *p, const char *option)
{
    for (int i = 0; i < p->given_n; i++)
        if (strcmp(p->given[i].option->name, option) == 0)
            return p->given[i].value != NULL ? p->given[i].value : "";
    return NULL;
}

bool parsed_has(const struct parsed *p, const char *option)
{
    return parsed_get(p, option) != NULL;
}
