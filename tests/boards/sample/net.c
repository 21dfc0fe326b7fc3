/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include "net_weights.h"

/* The arena: x at 0 (overwritten by y), hidden at 16, runs at 24. */
#define OFFSET_X 0u
#define OFFSET_HIDDEN 16u
#define OFFSET_Y 0u
#define OFFSET_RUNS 24u

static const int32_t shape_x[2] = {1, 16};
static const int32_t shape_hidden[2] = {1, 8};
static const int32_t shape_y[2] = {1, 4};

static const nnc_tensor inputs[1] = {
    {"x", NNC_I8, 2, shape_x, 16, 0.5f, -3, OFFSET_X, NNC_TENSOR_OVERWRITTEN}
};
static const nnc_tensor hidden[1] = {
    {"hidden", NNC_I8, 2, shape_hidden, 8, 0.25f, 0, OFFSET_HIDDEN, 0}
};
static const nnc_tensor outputs[2] = {
    {"y", NNC_I8, 2, shape_y, 4, 0.125f, 7, OFFSET_Y, 0},
    {"runs", NNC_I32, 0, NULL, 4, 0.0f, 0, OFFSET_RUNS, 0}
};
static const nnc_layer layers[2] = {
    {"first/hidden", "dense", 1, hidden},
    {"second/y", "dense", 2, outputs}
};

#ifdef NNC_ENABLE_HOOK
#define LAYER(number, event) call_hook(context, number, event)

static void call_hook(net_context *context, uint16_t layer, nnc_event event) {
    if (context->hook != NULL) {
        context->hook(context->hook_user, &net_network, context->arena, layer, event);
    }
}

static void set_hook(void *context, nnc_hook hook, void *user) {
    net_context *const it = (net_context *)context;
    it->hook = hook;
    it->hook_user = user;
}
#else
#define LAYER(number, event) ((void)0)
#endif

static int8_t narrow(int32_t sum) {
    const int32_t scaled = sum / 256;
    return (int8_t)(scaled < -128 ? -128 : scaled > 127 ? 127 : scaled);
}

static void dense(
    const int8_t *in, const int8_t *weights, const int32_t *bias, int8_t *out, uint32_t n_in,
    uint32_t n_out
) {
    for (uint32_t o = 0; o < n_out; o++) {
        int32_t sum = bias[o];
        for (uint32_t i = 0; i < n_in; i++) {
            sum += (int32_t)in[i] * weights[o * n_in + i];
        }
        out[o] = narrow(sum);
    }
}

static void run_hidden(uint8_t *arena) {
    const int8_t *const in = (const int8_t *)(arena + OFFSET_X);
    dense(in, net_hidden_weights, net_hidden_bias, (int8_t *)(arena + OFFSET_HIDDEN), 16, 8);
}

static void run_y(net_context *context) {
    uint8_t *const arena = context->arena;
    const int8_t *const in = (const int8_t *)(arena + OFFSET_HIDDEN);
    dense(in, net_y_weights, net_y_bias, (int8_t *)(arena + OFFSET_Y), 8, 4);
    context->runs++;
    *(int32_t *)(void *)(arena + OFFSET_RUNS) = context->runs;
}

int net_init(net_context *context, void *arena, size_t arena_bytes) {
    if (context == NULL || arena == NULL) {
        return NNC_ERROR_NULL;
    }
    if (arena_bytes < NET_ARENA_BYTES) {
        return NNC_ERROR_ARENA_SIZE;
    }
    if ((uintptr_t)arena % NET_ARENA_ALIGN != 0) {
        return NNC_ERROR_ARENA_ALIGN;
    }
    context->arena = (uint8_t *)arena;
#ifdef NNC_ENABLE_HOOK
    context->hook = NULL;
#endif
    net_reset(context);
    return NNC_OK;
}

void net_reset(net_context *context) {
    context->runs = 0;
}

int net_run(net_context *context) {
    LAYER(0, NNC_LAYER_BEGIN);
    run_hidden(context->arena);
    LAYER(0, NNC_LAYER_END);
    LAYER(1, NNC_LAYER_BEGIN);
    run_y(context);
    LAYER(1, NNC_LAYER_END);
    return NNC_OK;
}

int8_t *net_input_x(net_context *context) {
    return (int8_t *)(context->arena + OFFSET_X);
}

const int8_t *net_output_y(const net_context *context) {
    return (const int8_t *)(context->arena + OFFSET_Y);
}

const int32_t *net_output_runs(const net_context *context) {
    return (const int32_t *)(const void *)(context->arena + OFFSET_RUNS);
}

static int init(void *context, void *arena, size_t arena_bytes) {
    return net_init((net_context *)context, arena, arena_bytes);
}

static void reset(void *context) {
    net_reset((net_context *)context);
}

static int run(void *context) {
    return net_run((net_context *)context);
}

static void *input(void *context, unsigned i) {
    return i == 0 ? net_input_x((net_context *)context) : NULL;
}

static const void *output(void *context, unsigned i) {
    const net_context *const it = (const net_context *)context;
    const uint32_t offsets[2] = {OFFSET_Y, OFFSET_RUNS};
    return i < 2 ? it->arena + offsets[i] : NULL;
}

const nnc_network net_network = {
    NNC_ABI_VERSION, "net", sizeof(net_context), NET_ARENA_BYTES, NET_ARENA_ALIGN,
    1, 2, inputs, outputs, 2, layers,
    init, reset, run, input, output,
#ifdef NNC_ENABLE_HOOK
    set_hook,
#else
    NULL,
#endif
    NULL, NULL
};
