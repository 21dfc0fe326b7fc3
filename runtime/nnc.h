/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every generated network and the code around it share: status codes, element types and the
 * descriptor through which a program can run any network without knowing it (test harnesses,
 * benchmarks, validators). An application normally uses the typed functions of its own net.h and
 * never names a descriptor; the linker then drops it (-Wl,--gc-sections).
 */
#ifndef NNC_H
#define NNC_H

#include <stddef.h>
#include <stdint.h>

/* Version of this runtime, major * 10000 + minor * 100 + patch. Generated files check that the
 * generator which wrote them had the same. */
#define NNC_VERSION 100

/* Version of the structures below; changes whenever their layout or meaning does. */
#define NNC_ABI_VERSION 1

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "nnc: constant data and kernels are little endian; build for a little-endian core"
#endif

#if defined(__FAST_MATH__)
#error "nnc: -ffast-math changes results; build without it"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Returned by NAME_init and NAME_run as int: zero is success, errors are negative. */
typedef enum {
    NNC_OK = 0,
    NNC_ERROR_NULL = -1,           /* a pointer that must not be null is */
    NNC_ERROR_ARENA_SIZE = -2,     /* the arena is smaller than NAME_ARENA_BYTES */
    NNC_ERROR_ARENA_ALIGN = -3,    /* the arena is not aligned to NAME_ARENA_ALIGN */
    NNC_ERROR_CONTEXT_ALIGN = -4,  /* the context is not aligned to NNC_CONTEXT_ALIGN */
    NNC_ERROR_NOT_INITIALISED = -5, /* NAME_run before a successful NAME_init */
    NNC_ERROR_UNBOUND = -6,        /* an input or output outside the arena has no memory yet */
    NNC_ERROR_VALUE = -7,          /* an input value outside what the model accepts (an index) */
    NNC_ERROR_KERNEL = -8          /* a library kernel refused its arguments */
} nnc_status;

/* How the elements of a tensor are stored. */
typedef enum {
    NNC_I8 = 0,
    NNC_U8 = 1,
    NNC_I16 = 2,
    NNC_I32 = 3,
    NNC_I64 = 4,
    NNC_F32 = 5,
    NNC_BOOL = 6,  /* one byte, 0 or 1 */
    NNC_BIN32 = 7, /* {-1, +1} as bits of 32-bit words along the last axis, 1 = -1, low bit first */
    NNC_U16 = 8,
    NNC_U32 = 9,
    NNC_U64 = 10,
    NNC_F64 = 11,
    NNC_F16 = 12
} nnc_type;

/* nnc_tensor.offset of a tensor that does not live in the arena. */
#define NNC_OUTSIDE UINT32_MAX

/* nnc_tensor.flags: NAME_run may overwrite this input; write it again before the next run. */
#define NNC_TENSOR_OVERWRITTEN UINT32_C(1)

/* A context must be aligned to this many bytes. */
#define NNC_CONTEXT_ALIGN 8

/* One tensor. real = scale * (stored - zero_point); scale is 0 where the type is not quantised
 * with one scale for the whole tensor. */
typedef struct {
    const char *name;
    nnc_type type;
    uint8_t rank;
    const int32_t *shape; /* rank sizes, outermost first; null when rank is 0 */
    uint32_t bytes;       /* size in memory */
    float scale;
    int32_t zero_point;
    uint32_t offset; /* from the start of the arena, or NNC_OUTSIDE */
    uint32_t flags;  /* NNC_TENSOR_* */
} nnc_tensor;

/* One step of NAME_run. Its outputs hold their values from the end of this step until the planner
 * gives their bytes to a later one. */
typedef struct {
    const char *name; /* as in the model */
    const char *op;   /* as in the compiler's report */
    uint16_t n_outputs;
    const nnc_tensor *outputs;
} nnc_layer;

typedef enum { NNC_LAYER_BEGIN = 0, NNC_LAYER_END = 1 } nnc_event;

struct nnc_network;

/* Called before and after each layer, only in a build with -DNNC_ENABLE_HOOK. */
typedef void (*nnc_hook)(
    void *user,
    const struct nnc_network *network,
    void *arena,
    uint16_t layer,
    nnc_event event
);

/* A network for code that does not know which. Everything but the context and the arena is const:
 * any number of contexts may be used at once, each by one caller at a time. */
typedef struct nnc_network {
    uint32_t abi_version; /* NNC_ABI_VERSION */
    const char *name;
    uint32_t context_bytes;
    uint32_t arena_bytes;
    uint32_t arena_align; /* a power of two */
    uint16_t n_inputs;
    uint16_t n_outputs;
    const nnc_tensor *inputs;
    const nnc_tensor *outputs;
    uint16_t n_layers;
    const nnc_layer *layers;

    /* Prepares a context; clears the state of recurrent networks. Returns an nnc_status. */
    int (*init)(void *context, void *arena, size_t arena_bytes);
    /* Clears the state of recurrent networks; nothing to do for others. */
    void (*reset)(void *context);
    /* Runs every layer once. Returns an nnc_status. */
    int (*run)(void *context);
    /* Where input i is to be written before, output i read after a run; null past the last one, and
     * for one outside the arena to which nothing is bound. */
    void *(*input)(void *context, unsigned i);
    const void *(*output)(void *context, unsigned i);
    /* Installs a hook (null: none). Null itself in a build without NNC_ENABLE_HOOK. */
    void (*set_hook)(void *context, nnc_hook hook, void *user);
    /* Give inputs and outputs outside the arena their memory: `bytes` of the tensor, aligned to
     * arena_align, alive until the last run. Null in a network that keeps all of them inside. */
    void (*bind_input)(void *context, unsigned i, void *memory);
    void (*bind_output)(void *context, unsigned i, void *memory);
} nnc_network;

#ifdef __cplusplus
}
#endif

#endif /* NNC_H */
