//! A logged model, with what its run measured until then.

use rusqlite::{Connection, params};

use super::write::Place;
use crate::tracker::entities::ModelEntry;

/// The status of a model whose files are all there, as MLflow numbers it.
const READY: i64 = 2;

pub(super) fn write_model(
    connection: &Connection,
    run: &str,
    place: &Place,
    uri: &str,
    of: &ModelEntry,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, \
         creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, \
         source_run_id, status_message) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, 'active', ?7, ?8, NULL) \
         ON CONFLICT DO NOTHING",
        params![of.id, place.experiment, of.name, uri, of.time, READY, of.model_type, run],
    )?;
    connection.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, \
         step) VALUES (?1, 'RUN_OUTPUT', ?2, 'MODEL_OUTPUT', ?3, 0) ON CONFLICT DO NOTHING",
        params![crate::tracker::new_id(), run, of.id],
    )?;
    for (key, value) in &of.tags {
        connection.execute(
            "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![of.id, place.experiment, key, value],
        )?;
    }
    for (key, value) in &of.params {
        connection.execute(
            "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![of.id, place.experiment, key, value],
        )?;
    }
    connection.execute(
        "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) \
         SELECT ?1, ?2, key, value FROM params WHERE run_uuid = ?3 ON CONFLICT DO NOTHING",
        params![of.id, place.experiment, run],
    )?;
    // How long the scans took tells nothing of the model. The table has no place for NaN.
    connection.execute(
        "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, \
         metric_step, metric_value, experiment_id, run_id) \
         SELECT ?1, key, timestamp, step, value, ?2, run_uuid FROM latest_metrics \
         WHERE run_uuid = ?3 AND is_nan = 0 AND key NOT LIKE 'scan.%' ON CONFLICT DO NOTHING",
        params![of.id, place.experiment, run],
    )?;
    Ok(())
}
