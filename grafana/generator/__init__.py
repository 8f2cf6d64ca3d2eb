"""The dashboards as Python: `query` is PromQL, `tiers` colours, `panel` and `table` panels, `board` whole dashboards."""
