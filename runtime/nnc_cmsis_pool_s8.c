/* SPDX-License-Identifier: Apache-2.0 */
#define POOL_TYPE int8_t
#define AVERAGE_POOL nnc_cmsis_avgpool_s8
#define MAX_POOL nnc_cmsis_max_pool_s8
#include "nnc_cmsis_pool.h"
