/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a network over the samples of a file and writes what happened to another one. Knows the
 * network only through its descriptor, so the same source serves every network, the host and every
 * board. nnc/emulator.py writes the input and reads the output; the numbers here are its numbers.
 *
 * Input, all words little endian:
 *   "NNCI", flags, samples whose layers are dumped, samples, inputs, bytes of each input;
 *   then the inputs of each sample, one after the other.
 * Output: records of four words - tag, two indices, bytes of payload - and their payload.
 */
#include "nnc.h"
#include "platform.h"

#ifdef NNC_NETWORK_HEADER
#include NNC_NETWORK_HEADER
#endif

#ifndef NNC_NETWORK
#error "nnc: build the harness with -DNNC_NETWORK=NAME_network"
#endif

extern const nnc_network NNC_NETWORK;

#define INPUT_MAGIC UINT32_C(0x49434E4E)

#define FLAG_RESET_EACH UINT32_C(1) /* clear recurrent state before every sample */
#define FLAG_POISON UINT32_C(2)     /* overwrite the arena before every sample */

typedef enum {
    RECORD_NETWORK = 1,      /* ABI, context, arena, alignment, inputs, outputs, layers, hook; name */
    RECORD_TENSOR = 2,       /* kind, index; see describe_tensor */
    RECORD_LAYER = 3,        /* layer; name, zero byte, op */
    RECORD_CALIBRATION = 4,  /* 0: an empty run, 1: an empty layer; ticks */
    RECORD_LAYER_OUTPUT = 5, /* layer, output; bytes */
    RECORD_LAYER_TICKS = 6,  /* layer; ticks */
    RECORD_OUTPUT = 7,       /* sample, output; bytes */
    RECORD_SAMPLE = 8,       /* sample; ticks */
    RECORD_FAILURE = 9,      /* failure, status or index */
    RECORD_DONE = 10         /* stack bytes */
} record_tag;

typedef enum { KIND_INPUT = 0, KIND_OUTPUT = 1, KIND_LAYER_OUTPUT = 2 } tensor_kind;

/* Also the exit status. Cortex-M faults end with 70, see cortex_m_startup.c. */
typedef enum {
    FAILURE_NONE = 0,
    FAILURE_FILES = 60,
    FAILURE_ABI = 61,
    FAILURE_INPUTS = 62,
    FAILURE_MEMORY = 63,
    FAILURE_INIT = 64,
    FAILURE_RUN = 65,
    FAILURE_POINTER = 66,
    FAILURE_GUARD = 67,
    FAILURE_STACK = 68
} failure;

/* The address sanitizer guards the ends of blocks better, and sees only what is past them. */
#if defined(__SANITIZE_ADDRESS__)
#define GUARD_BYTES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARD_BYTES 0
#endif
#endif
#ifndef GUARD_BYTES
#define GUARD_BYTES 16
#endif
#define GUARD_VALUE 0x5Au

/* As an int8 the largest, as a float huge: nothing that reads it goes unnoticed. */
#define POISON_WORD UINT32_C(0x7F7F7F7F)

static const nnc_network *const network = &NNC_NETWORK;
static uint8_t *context;
static uint8_t *arena;
static uint32_t flags;
static uint32_t dumped_samples;
static uint32_t samples;
static uint32_t current_sample;
static platform_time layer_begin;

static int write_head(record_tag tag, uint32_t first, uint32_t second, uint32_t bytes) {
    const uint32_t head[4] = {(uint32_t)tag, first, second, bytes};
    return platform_write(head, sizeof head);
}

static int write_record(
    record_tag tag, uint32_t first, uint32_t second, const void *payload, uint32_t bytes
) {
    const int bad = write_head(tag, first, second, bytes);
    return bad != 0 ? bad : platform_write(payload, bytes);
}

static failure fail(failure what, uint32_t detail) {
    (void)write_head(RECORD_FAILURE, (uint32_t)what, detail, 0);
    return what;
}

static uint32_t length_of(const char *text) {
    uint32_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

static uint32_t bits_of(float value) {
    union {
        float value;
        uint32_t bits;
    } pun;
    pun.value = value;
    return pun.bits;
}

static int describe_tensor(tensor_kind kind, uint32_t index, const nnc_tensor *tensor) {
    const uint32_t fields[8] = {
        (uint32_t)tensor->type, tensor->rank, tensor->bytes, bits_of(tensor->scale),
        (uint32_t)tensor->zero_point, tensor->offset, tensor->flags, length_of(tensor->name)
    };
    const uint32_t shape_bytes = 4u * (uint32_t)tensor->rank;
    int bad = write_head(
        RECORD_TENSOR, (uint32_t)kind, index, (uint32_t)sizeof fields + shape_bytes + fields[7]
    );
    bad |= platform_write(fields, sizeof fields);
    bad |= platform_write(tensor->shape, shape_bytes);
    return bad | platform_write(tensor->name, fields[7]);
}

static int describe_layer(uint32_t index, const nnc_layer *layer) {
    const uint32_t name_bytes = length_of(layer->name) + 1u;
    const uint32_t op_bytes = length_of(layer->op);
    int bad = write_head(RECORD_LAYER, index, 0, name_bytes + op_bytes);
    bad |= platform_write(layer->name, name_bytes);
    bad |= platform_write(layer->op, op_bytes);
    for (uint32_t i = 0; i < layer->n_outputs; i++) {
        bad |= describe_tensor(KIND_LAYER_OUTPUT, index, &layer->outputs[i]);
    }
    return bad;
}

static int describe_network(void) {
    const uint32_t fields[8] = {
        network->abi_version, network->context_bytes, network->arena_bytes, network->arena_align,
        network->n_inputs, network->n_outputs, network->n_layers, network->set_hook != NULL
    };
    const uint32_t name_bytes = length_of(network->name);
    int bad = write_head(RECORD_NETWORK, 0, 0, (uint32_t)sizeof fields + name_bytes);
    bad |= platform_write(fields, sizeof fields);
    bad |= platform_write(network->name, name_bytes);
    for (uint32_t i = 0; i < network->n_inputs; i++) {
        bad |= describe_tensor(KIND_INPUT, i, &network->inputs[i]);
    }
    for (uint32_t i = 0; i < network->n_outputs; i++) {
        bad |= describe_tensor(KIND_OUTPUT, i, &network->outputs[i]);
    }
    for (uint32_t i = 0; i < network->n_layers; i++) {
        bad |= describe_layer(i, &network->layers[i]);
    }
    return bad;
}

static failure read_request(void) {
    uint32_t head[5];
    if (platform_read(head, sizeof head) != 0 || head[0] != INPUT_MAGIC) {
        return fail(FAILURE_FILES, 0);
    }
    flags = head[1];
    dumped_samples = head[2];
    samples = head[3];
    if (samples == 0) { /* only to see whether the network fits */
        return FAILURE_NONE;
    }
    if (head[4] != network->n_inputs) {
        return fail(FAILURE_INPUTS, head[4]);
    }
    for (uint32_t i = 0; i < network->n_inputs; i++) {
        uint32_t bytes;
        if (platform_read(&bytes, sizeof bytes) != 0 || bytes != network->inputs[i].bytes) {
            return fail(FAILURE_INPUTS, i);
        }
    }
    return FAILURE_NONE;
}

static uint8_t *guarded(uint32_t bytes, uint32_t align) {
    uint8_t *const memory = platform_alloc((size_t)bytes + GUARD_BYTES, align);
#if GUARD_BYTES > 0
    for (uint32_t i = 0; memory != NULL && i < GUARD_BYTES; i++) {
        memory[bytes + i] = GUARD_VALUE;
    }
#endif
    return memory;
}

static int guard_is_broken(const uint8_t *memory, uint32_t bytes) {
#if GUARD_BYTES > 0
    for (uint32_t i = 0; i < GUARD_BYTES; i++) {
        if (memory[bytes + i] != GUARD_VALUE) {
            return 1;
        }
    }
#endif
    (void)memory;
    (void)bytes;
    return 0;
}

static void poison_arena(void) {
    uint32_t *const words = (uint32_t *)(void *)arena;
    const uint32_t n = network->arena_bytes / 4u;
    for (uint32_t i = 0; i < n; i++) {
        words[i] = POISON_WORD;
    }
    for (uint32_t i = n * 4u; i < network->arena_bytes; i++) {
        arena[i] = (uint8_t)(POISON_WORD & 0xFFu);
    }
}

static failure bind_outside_memory(void) {
    for (uint32_t i = 0; network->bind_input != NULL && i < network->n_inputs; i++) {
        const nnc_tensor *const tensor = &network->inputs[i];
        if (tensor->offset == NNC_OUTSIDE) {
            network->bind_input(context, i, platform_alloc(tensor->bytes, network->arena_align));
        }
    }
    for (uint32_t i = 0; network->bind_output != NULL && i < network->n_outputs; i++) {
        const nnc_tensor *const tensor = &network->outputs[i];
        if (tensor->offset == NNC_OUTSIDE) {
            network->bind_output(context, i, platform_alloc(tensor->bytes, network->arena_align));
        }
    }
    for (uint32_t i = 0; i < network->n_inputs; i++) {
        if (network->input(context, i) == NULL) {
            return fail(FAILURE_POINTER, i);
        }
    }
    for (uint32_t i = 0; i < network->n_outputs; i++) {
        if (network->output(context, i) == NULL) {
            return fail(FAILURE_POINTER, network->n_inputs + i);
        }
    }
    return FAILURE_NONE;
}

static failure prepare(void) {
    const uint32_t align = network->arena_align < 8u ? 8u : network->arena_align;
    context = guarded(network->context_bytes, NNC_CONTEXT_ALIGN);
    arena = guarded(network->arena_bytes, align);
    if (context == NULL || arena == NULL) {
        return fail(FAILURE_MEMORY, network->context_bytes + network->arena_bytes);
    }
    poison_arena();
    const int status = network->init(context, arena, network->arena_bytes);
    return status == NNC_OK ? bind_outside_memory() : fail(FAILURE_INIT, (uint32_t)status);
}

static void dump_layer(uint16_t layer) {
    const nnc_layer *const it = &network->layers[layer];
    for (uint32_t i = 0; i < it->n_outputs; i++) {
        const nnc_tensor *const tensor = &it->outputs[i];
        if (tensor->offset != NNC_OUTSIDE) {
            (void)write_record(
                RECORD_LAYER_OUTPUT, layer, i, arena + tensor->offset, tensor->bytes
            );
        }
    }
}

/* The clock is the first thing read at the end of a layer and the last at its beginning: what this
 * function does between layers is not counted. */
static void on_layer(
    void *user, const nnc_network *net, void *memory, uint16_t layer, nnc_event event
) {
    const platform_time now = platform_now();
    (void)net;
    (void)memory;
    if (event == NNC_LAYER_END) {
        const uint64_t ticks = platform_ticks(layer_begin, now);
        if (user != NULL) {
            *(uint64_t *)user = ticks;
            return;
        }
        (void)write_record(RECORD_LAYER_TICKS, layer, 0, &ticks, sizeof ticks);
        if (current_sample < dumped_samples) {
            dump_layer(layer);
        }
        return;
    }
    layer_begin = platform_now();
}

static void calibrate(void) {
    platform_time begin;
    platform_time end;
    (void)platform_call(platform_empty, context, &begin, &end);
    const uint64_t run_ticks = platform_ticks(begin, end);
    (void)write_record(RECORD_CALIBRATION, 0, 0, &run_ticks, sizeof run_ticks);

    uint64_t layer_ticks = 0;
    const volatile nnc_hook hook = on_layer;
    hook(&layer_ticks, network, arena, 0, NNC_LAYER_BEGIN);
    hook(&layer_ticks, network, arena, 0, NNC_LAYER_END);
    (void)write_record(RECORD_CALIBRATION, 1, 0, &layer_ticks, sizeof layer_ticks);
}

static failure run_sample(void) {
    if ((flags & FLAG_RESET_EACH) != 0) {
        network->reset(context);
    }
    if ((flags & FLAG_POISON) != 0) {
        poison_arena();
    }
    for (uint32_t i = 0; i < network->n_inputs; i++) {
        if (platform_read(network->input(context, i), network->inputs[i].bytes) != 0) {
            return fail(FAILURE_INPUTS, i);
        }
    }
    platform_time begin;
    platform_time end;
    const int status = platform_call(network->run, context, &begin, &end);
    if (platform_stack_overflowed()) {
        return fail(FAILURE_STACK, current_sample);
    }
    if (status != NNC_OK) {
        return fail(FAILURE_RUN, (uint32_t)status);
    }
    if (guard_is_broken(arena, network->arena_bytes)
        || guard_is_broken(context, network->context_bytes)) {
        return fail(FAILURE_GUARD, current_sample);
    }
    for (uint32_t i = 0; i < network->n_outputs; i++) {
        (void)write_record(
            RECORD_OUTPUT, current_sample, i, network->output(context, i), network->outputs[i].bytes
        );
    }
    const uint64_t ticks = platform_ticks(begin, end);
    return write_record(RECORD_SAMPLE, current_sample, 0, &ticks, sizeof ticks) == 0
        ? FAILURE_NONE
        : FAILURE_FILES;
}

static failure run_all(void) {
    if (network->abi_version != NNC_ABI_VERSION) {
        return fail(FAILURE_ABI, network->abi_version);
    }
    if (describe_network() != 0) {
        return FAILURE_FILES;
    }
    failure what = read_request();
    if (what == FAILURE_NONE) {
        what = prepare();
    }
    if (what != FAILURE_NONE) {
        return what;
    }
    calibrate();
    if (network->set_hook != NULL) {
        network->set_hook(context, on_layer, NULL);
    }
    for (current_sample = 0; current_sample < samples; current_sample++) {
        what = run_sample();
        if (what != FAILURE_NONE) {
            return what;
        }
    }
    const uint32_t stack = platform_stack_used();
    return write_record(RECORD_DONE, 0, 0, &stack, sizeof stack) == 0 ? FAILURE_NONE
                                                                     : FAILURE_FILES;
}

int main(void) {
    return platform_open() != 0 ? (int)FAILURE_FILES : (int)run_all();
}
