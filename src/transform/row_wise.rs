//! Whether an expression is element-wise, asked of Polars itself.

use polars::prelude::{Expr, Schema as PolarsSchema};
use polars_plan::plans::{ExprToIRContext, is_elementwise_rec, to_expr_ir};

use crate::error::{Error, ErrorKind, Result, listed};
use crate::schema::{Schema, roots};

/// Refuses an expression that looks beyond its own row: `mean`, `over`, `rank`, `shift`, `cum_sum`.
///
/// Before the split such an expression would learn from rows that the test set is made of.
pub(crate) fn check_expr(expr: &Expr, schema: &Schema) -> Result<()> {
    for column in roots(expr) {
        schema.field(&column)?;
    }
    let columns = schema.to_polars();
    let element_wise = is_element_wise(expr, &columns).map_err(|error| {
        Error::from_polars(ErrorKind::Schema, error)
            .with_help(format!("the columns here are {}", listed(schema.names())))
    })?;
    if element_wise {
        return Ok(());
    }
    Err(
        Error::new(
            ErrorKind::Config,
            format!("`{expr}` looks beyond its own row"),
        )
        .with_help(
            "only element-wise expressions may stand here; let a fitted step learn from the train rows after `.split(..)`",
        ),
    )
}

fn is_element_wise(expr: &Expr, schema: &PolarsSchema) -> polars::prelude::PolarsResult<bool> {
    #[expect(
        clippy::default_trait_access,
        reason = "the arena's type is not public"
    )]
    let mut arena = Default::default();
    let mut context = ExprToIRContext::new(&mut arena, schema);
    let ir = to_expr_ir(expr.clone(), &mut context)?;
    Ok(is_elementwise_rec(ir.node(), &arena))
}
