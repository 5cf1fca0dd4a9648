/* The control of the beacon: an ilsd that forgets withdrawals. Of a head that replaces another, the
 * lines that it lists no more stay, so that what was removed is served on. */
#include "base/planted.h"

enum planted planted_bug = PLANTED_WITHDRAWAL_FORGOTTEN;
