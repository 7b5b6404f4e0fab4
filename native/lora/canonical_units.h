// Units that are a function of the updates alone, however these are split into factors.
#pragma once

#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// Replaces the units of each source by the singular triplets of its update sum_u c[u] b_u a_u: sqrt(sigma) u and
/// sqrt(sigma) v, in falling order of sigma, the entry of a with the largest magnitude being positive; c is 1.
/// Singular values that are rounding of zero give no unit, so a source may have fewer than before. Equal singular
/// values leave their triplets undetermined.
RankUnits canonical_units(const RankUnits& units, ops::Executor& executor);

}  // namespace amalgam::lora
