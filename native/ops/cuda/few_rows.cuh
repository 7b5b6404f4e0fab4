// Matrix products for up to four rows, as in decoding: bound by reading w once.
#pragma once

#include "ops/backend.h"

bool is_for_few_rows(const AmalgamArray& x, const AmalgamArray& w);

/// As `linear` in ops/backend.h.
int32_t cuda_multiply_few_rows(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& w,
                               const AmalgamArray& out, bool accumulate, AmalgamFailure* failure);
