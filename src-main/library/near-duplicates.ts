import { nearDuplicateCosine } from '../contract/inspection.ts'

/**
 * Condition on `adapters AS a`, true or false: another adapter of the library has nearly the same update (compared, with a cosine of at least
 * nearDuplicateCosine) or the very same factors.
 */
export const nearDuplicateCondition = `a.seq IN (
  SELECT near.seq FROM (
    SELECT x.seq AS seq, p.high AS other FROM inner_products p
      JOIN compared_weights w ON w.weights_id = p.low JOIN adapters x ON x.content_hash = w.content_hash
      WHERE p.cosine >= ${nearDuplicateCosine}
    UNION ALL
    SELECT x.seq, p.low FROM inner_products p
      JOIN compared_weights w ON w.weights_id = p.high JOIN adapters x ON x.content_hash = w.content_hash
      WHERE p.cosine >= ${nearDuplicateCosine}
  ) near JOIN compared_weights o ON o.weights_id = near.other JOIN adapters y ON y.content_hash = o.content_hash
  UNION ALL
  SELECT seq FROM adapters WHERE tensor_hash IN (
    SELECT tensor_hash FROM adapters WHERE tensor_hash IS NOT NULL GROUP BY tensor_hash HAVING count(*) > 1)
)`
