// The operators of the table; see ops/backend.h.
#pragma once

#include "ops/backend.h"

int32_t cuda_embed(AmalgamContext* context, AmalgamArray table, const int32_t* device_ids, AmalgamArray out,
                   AmalgamFailure* failure);
int32_t cuda_rms_norm(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray out,
                      AmalgamFailure* failure);
int32_t cuda_linear(AmalgamContext* context, AmalgamArray x, AmalgamArray w, AmalgamArray out, int32_t accumulate,
                    AmalgamFailure* failure);
int32_t cuda_add_bias(AmalgamContext* context, AmalgamArray x, AmalgamArray bias, AmalgamFailure* failure);
int32_t cuda_scale_units(AmalgamContext* context, AmalgamArray u, AmalgamArray c, const int32_t* device_set_of_row,
                         AmalgamArray out, AmalgamFailure* failure);
int32_t cuda_rope(AmalgamContext* context, AmalgamArray x, int64_t head_dim, const int32_t* device_positions,
                  AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure);
int32_t cuda_attention_prefill(AmalgamContext* context, const AmalgamAttention* attention,
                               const AmalgamTile* device_tiles, int64_t tiles, AmalgamFailure* failure);
int32_t cuda_attention_decode(AmalgamContext* context, const AmalgamAttention* attention, int64_t sequences,
                              int64_t parts, float* device_partials, AmalgamFailure* failure);
int32_t cuda_scatter_rows(AmalgamContext* context, AmalgamArray from, const int64_t* device_target_rows,
                          AmalgamArray to, AmalgamFailure* failure);
int32_t cuda_swiglu(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray out,
                    AmalgamFailure* failure);
int32_t cuda_add(AmalgamContext* context, AmalgamArray x, AmalgamArray y, AmalgamFailure* failure);
int32_t cuda_token_choices(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                           double* device_log_probabilities, int32_t* device_best, AmalgamFailure* failure);

// Backward.

int32_t cuda_clear_rows(AmalgamContext* context, AmalgamArray x, AmalgamFailure* failure);
int32_t cuda_linear_back(AmalgamContext* context, AmalgamArray d_out, AmalgamArray w, AmalgamArray d_x,
                         int32_t accumulate, AmalgamFailure* failure);
int32_t cuda_weight_back(AmalgamContext* context, AmalgamArray d_out, AmalgamArray x, AmalgamArray d_w,
                         AmalgamFailure* failure);
int32_t cuda_unit_back(AmalgamContext* context, AmalgamArray u, AmalgamArray v, const AmalgamStretch* device_stretches,
                       int64_t stretches, float* device_sums, AmalgamArray d_c, AmalgamFailure* failure);
int32_t cuda_dropout(AmalgamContext* context, AmalgamArray x, float rate, uint64_t key, AmalgamArray out,
                     int32_t accumulate, AmalgamFailure* failure);
int32_t cuda_rms_norm_back(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray d_out,
                           AmalgamArray d_x, AmalgamFailure* failure);
int32_t cuda_rope_back(AmalgamContext* context, AmalgamArray d_x, int64_t head_dim, const int32_t* device_positions,
                       AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure);
int32_t cuda_attention_back(AmalgamContext* context, const AmalgamAttentionBack* back, const AmalgamTile* device_tiles,
                            int64_t tiles, AmalgamFailure* failure);
int32_t cuda_swiglu_back(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray d_out,
                         AmalgamArray d_gate, AmalgamArray d_up, AmalgamFailure* failure);
int32_t cuda_token_loss(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                        const float* device_weights, double* device_values, AmalgamArray d_logits,
                        AmalgamFailure* failure);

// Learning.

int32_t cuda_squared_norm(AmalgamContext* context, AmalgamArray g, AmalgamArray mask, double* device_sums,
                          AmalgamFailure* failure);
int32_t cuda_adamw(AmalgamContext* context, AmalgamArray p, AmalgamArray g, AmalgamArray m, AmalgamArray v,
                   AmalgamArray mask, AmalgamAdamw step, AmalgamArray copy, AmalgamFailure* failure);
