/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_WEIGHTS_H
#define NET_WEIGHTS_H

#include <stdint.h>

extern const int8_t net_hidden_weights[8 * 16];
extern const int32_t net_hidden_bias[8];
extern const int8_t net_y_weights[4 * 8];
extern const int32_t net_y_bias[4];

#endif /* NET_WEIGHTS_H */
