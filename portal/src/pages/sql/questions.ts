/** Ready questions: what people ask of a warehouse first, to run or to begin from. */

export interface ReadyQuestion {
  title: string;
  sql: string;
}

export const READY: readonly ReadyQuestion[] = [
  {
    title: "Runs per day and status",
    sql: `select date_trunc('day', started_at) as day, status, count(*) as runs
from runs
where lifecycle = 'active' and started_at is not null
group by all
order by day`,
  },
  {
    title: "Best run of each experiment",
    sql: `select e.name as experiment, m.key as metric,
       arg_min(r.name, m.value) as best_run, min(m.value) as least, count(*) as runs
from (select *, unnest(map_entries(metrics)) as m from runs where lifecycle = 'active') r
join experiments e using (experiment_id)
where m.key ilike '%loss%' and isfinite(m.value)
group by all
order by experiment, metric`,
  },
  {
    title: "Params against a metric",
    sql: `select try_cast(r.params['lr'] as double) as lr, m.value as loss, r.name as run
from (select *, unnest(map_entries(metrics)) as m from runs where lifecycle = 'active') r
where m.key ilike '%loss%' and lr is not null
limit 5000`,
  },
  {
    title: "A metric over its steps",
    sql: `select m.step, m.value, r.name as run
from metrics m
join runs r using (run_id)
where m.key ilike '%loss%' and r.lifecycle = 'active'
order by m.step
limit 5000`,
  },
  {
    title: "Metrics with NaN or infinities",
    sql: `select r.name as run, m.key, count(*) as points, min(m.step) as first_step
from metrics m
join runs r using (run_id)
where not isfinite(m.value)
group by all
order by points desc`,
  },
  {
    title: "What is deployed where",
    sql: `select environment, application, model_name, model_version, status, traffic,
       deployed_by, started_at, endpoint
from deployments
where ended_at is null
order by environment, application`,
  },
  {
    title: "Tokens and cost of each language model",
    sql: `select u.model, count(*) as calls, sum(u.input_tokens) as input_tokens,
       sum(u.output_tokens) as output_tokens, sum(u.cost) as cost
from (select unnest(map_values(usage)) as u from traces where lifecycle = 'active')
where u.model is not null
group by all
order by cost desc nulls last, calls desc`,
  },
  {
    title: "Slowest spans",
    sql: `select s.name as span, s.kind, (s.end_ns - s.start_ns) / 1e6 as ms, s.status, t.name as trace, s.trace_id
from spans s
join traces t using (trace_id)
where s.end_ns is not null
order by ms desc
limit 100`,
  },
  {
    title: "Which runs read a dataset",
    sql: `select d.name as dataset, d.version, r.name as run, l.context, l.logged_at
from lineage l
join datasets d on l.asset = 'dataset:' || d.dataset_id
join runs r on r.run_id = l.run_id
where l.direction = 'read'
order by l.logged_at desc`,
  },
  {
    title: "Largest artifacts",
    sql: `select r.name as run, a.path, a.kind, a.size
from artifacts a
join runs r on r.run_id = a.owner
order by a.size desc
limit 100`,
  },
  {
    title: "Hours of training by person",
    sql: `select coalesce(created_by, 'unknown') as person,
       count(*) as runs,
       round(sum(date_diff('second', started_at, ended_at)) / 3600.0, 2) as hours
from runs
where ended_at is not null
group by all
order by hours desc`,
  },
  {
    title: "Failed runs of the last week",
    sql: `select e.name as experiment, r.name as run, r.status, r.ended_at, r.created_by
from runs r
join experiments e using (experiment_id)
where r.status in ('FAILED', 'KILLED') and r.ended_at > now() - interval 7 days
order by r.ended_at desc`,
  },
];
