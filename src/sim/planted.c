/* planted: which of the planted protocol bugs is in the code of ilssim-planted. No other program
 * has this file. */
#include "base/planted.h"

enum planted planted_bug;
