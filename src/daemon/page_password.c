/* page_password: which new passwords are refused. A list of the passwords that were ever found is
 * longer than this program; so a password is taken apart the way a guesser puts one together:
 * words that many take, names of this place, runs of the keyboard and of the alphabet, digits, and
 * what was there before once more. What is nothing else than a few of those is refused. */
#include "daemon/page_inside.h"
#include "daemon/runtime_inside.h"

#include <string.h>

#define PIECES_FEW 3 /* so many pieces, and */
#define OWN_FEW    4 /* fewer characters than that beside them: it is guessed */
#define RUN_MIN    3
#define CONTEXT_MIN 4 /* characters of a name that counts */

/* What is typed in one direction, or is its neighbour. */
static const char *const rows[] = {
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop",
    "asdfghjkl", "zxcvbnm", "yxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "zaq1xsw2cde3vfr4bgt5nhy6",
    "qazwsxedcrfvtgbyhnujm", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "!@#$%^&*()",
};

/* In lower case, without digits: "p4ssw0rd" is found too. First those of this trade, which
 * docs/asvs.md names. */
static const char words[] =
    "openils ilsd interclusterlookup intercluster lookupservice cluster dialplan catalog gateway "
    "callmanager unified cisco cucm avaya asterisk telephone telephony phone voip voice "
    "network router server system control replication registration database "
    "administrator admin root superuser manager operator support service account user guest "
    "default changeme change temporary temp initial public private secret secure security "
    "password passwort passwd passw pass kennwort motdepasse contrasena parola senha pasuwado "
    "login logon letmein letme welcome willkommen bienvenue access enter hello test testing "
    "company office internet computer windows microsoft google facebook samsung linux apple "
    "iloveyou ilove loveyou lovely lover love forever always family friend friends mother "
    "father sister brother daughter angel princess sunshine flower butterfly rainbow summer "
    "winter autumn spring monday friday january february march april june july august "
    "september october november december football baseball basketball softball soccer hockey "
    "liverpool manchester united arsenal chelsea barcelona realmadrid juventus lakers yankees "
    "cowboys steelers eagles dragon monkey tiger lion eagle panther dolphin horses kitty "
    "pokemon superman batman spiderman starwars minecraft naruto mustang ferrari porsche "
    "mercedes corvette harley yamaha suzuki honda toyota master killer hunter ranger warrior "
    "shadow ninja legend trustno whatever nothing someone anything everything "
    "michael jennifer jessica daniel ashley thomas robert charlie andrew anthony william "
    "joshua matthew jordan michelle nicole amanda alexander alexandra christopher christian "
    "elizabeth victoria samantha stephanie benjamin jonathan patrick samuel joseph richard "
    "charles stephen nicholas natasha vanessa melissa rebecca heather hannah sophie george "
    "london paris berlin tokyo osaka america england germany france canada mexico brazil "
    "australia japan chocolate cookie coffee banana cheese pepper ginger orange purple yellow "
    "silver golden diamond crystal music guitar metallica slipknot eminem number money "
    "player gamer games happy birthday christmas jesus christ heaven church blessed god "
    "fuckyou fuck bitch asshole pussy sexy qwerty asdf zxcv abcd ";

static uint8_t plain(uint8_t c)
{
    static const char from[] = "013457@$!", to[] = "oleastasi";
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    return at != NULL ? (uint8_t)to[at - from] : ascii_lower(c);
}

static bool begins_with(struct slice s, struct slice word)
{
    if (word.n > s.n)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (plain(s.p[i]) != plain(word.p[i]))
            return false;
    return true;
}

/* The longest of the words, which stand between marks, that s begins with; 0: none. */
static size_t word_at(struct slice s, struct slice list, uint8_t mark, size_t min)
{
    size_t longest = 0;
    while (list.n > 0) {
        size_t n = slice_find(list, mark);
        if (n >= min && n > longest && begins_with(s, slice_make(list.p, n)))
            longest = n;
        n += n < list.n;
        list = slice_make(list.p + n, list.n - n);
    }
    return longest;
}

/* How far s goes along a row from some place of it, in either direction. */
static size_t run_along(struct slice s, const char *row)
{
    size_t longest = 0, n = strlen(row);
    for (size_t at = 0; at < n; at++) {
        size_t on = 0, back = 0;
        while (on < s.n && at + on < n && ascii_lower(s.p[on]) == (uint8_t)row[at + on])
            on++;
        while (back < s.n && back <= at && ascii_lower(s.p[back]) == (uint8_t)row[at - back])
            back++;
        longest = on > longest ? on : longest;
        longest = back > longest ? back : longest;
    }
    return longest;
}

static size_t run_at(struct slice s)
{
    size_t longest = 1;
    while (longest < s.n && s.p[longest] == s.p[0])
        longest++;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = run_along(s, rows[i]);
        longest = n > longest ? n : longest;
    }
    return longest >= RUN_MIN ? longest : 0;
}

/* How much of what comes was there before. */
static size_t again_at(struct slice s, size_t at)
{
    size_t longest = 0;
    for (size_t from = 0; from < at; from++) {
        size_t n = 0;
        while (at + n < s.n && from + n < at &&
               ascii_lower(s.p[from + n]) == ascii_lower(s.p[at + n]))
            n++;
        longest = n > longest ? n : longest;
    }
    return longest >= RUN_MIN ? longest : 0;
}

/* A date, a year, a house. */
static size_t digits_at(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < 4 && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool guessed(const struct page *p, struct slice s, const char *name)
{
    struct view_self self;
    size_t pieces = 0, own = 0;
    view_self(p->rt->core, &self);
    for (size_t at = 0; at < s.n;) {
        struct slice rest = slice_make(s.p + at, s.n - at);
        size_t again = again_at(s, at);
        size_t n = most(word_at(rest, slice_of(words), ' ', 1), run_at(rest));
        n = most(n, word_at(rest, slice_of(name), '\0', 1));
        n = most(n, word_at(rest, self.cluster_id, '\0', CONTEXT_MIN));
        n = most(n, word_at(rest, self.fqdn, '.', CONTEXT_MIN));
        n = most(n, digits_at(rest));
        pieces += n > again;
        own += n == 0 && again == 0;
        at += most(most(n, again), 1);
    }
    return own < OWN_FEW && pieces <= PIECES_FEW;
}

const char *page_password_flaw(const struct page *p, struct slice password, const char *name)
{
    size_t characters = 0;
    for (size_t i = 0; i < password.n; i++)
        characters += (password.p[i] & 0xc0) != 0x80;
    if (characters < PAGE_PASSWORD_MIN)
        return "the password has fewer than 12 characters";
    if (password.n >= PAGE_PASSWORD_MAX)
        return "the password has more than 511 bytes";
    return guessed(p, password, name) ? "the password is one of those that are guessed first"
                                      : NULL;
}
