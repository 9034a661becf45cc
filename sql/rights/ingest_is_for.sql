create or replace function ingest.ingest_is_for(p_routine name, p_right text) returns boolean
language sql immutable
return case p_right
  when 'anybody' then p_routine in (
    'ingest_options', 'ingest_channel', 'ingest_searchable', 'ingest_language_config', 'ingest_chunk_config', 'ingest_highlight', 'ingest_query_words', 'ingest_marked', 'ingest_now', 'ingest_caller', 'ingest_may', 'ingest_is_owner', 'ingest_collections_for',
    'ingest_principals', 'ingest_locator', 'ingest_check_role', 'ingest_is_for', 'ingest_right_of')
  when 'submit' then p_routine in (
    'ingest_add', 'ingest_list_steps', 'ingest_watch_table', 'ingest_make_table_watch', 'ingest_table_triggers', 'ingest_seal_table_watch', 'ingest_is_failing', 'ingest_inventory',
    'ingest_show_document', 'ingest_show_revisions', 'ingest_progress', 'ingest_progress_of',
    'ingest_waiting_for', 'ingest_lacks_caps', 'ingest_lacks_steps', 'ingest_places', 'ingest_places_of', 'ingest_outage_of', 'ingest_outage_message', 'ingest_restored', 'ingest_watch',
    'ingest_unwatch', 'ingest_pause_watch', 'ingest_resume_watch', 'ingest_run_watch', 'ingest_watched', 'ingest_count_watched', 'ingest_watch_waits_for', 'ingest_noticed_by',
    'ingest_locate', 'ingest_lacks_root', 'ingest_root_for')
  when 'search' then p_routine in (
    'ingest_search', 'ingest_has_own_policies', 'ingest_search_as_caller', 'ingest_search_by_right', 'ingest_search_principals', 'ingest_find',
    'ingest_find_words', 'ingest_words_query', 'ingest_search_configs', 'ingest_words_known', 'ingest_words_candidates', 'ingest_words_statement', 'ingest_titled', 'ingest_grams',
    'ingest_most_ranked', 'ingest_words_pairs',
    'ingest_find_any', 'ingest_with_texts', 'ingest_find_by_words', 'ingest_find_by_vector', 'ingest_wanted_each', 'ingest_check_wanted', 'ingest_wanted_condition',
    'ingest_filter_condition', 'ingest_filter_part', 'ingest_filter_one_of', 'ingest_filter_operates', 'ingest_filter_alternatives', 'ingest_filter_contained', 'ingest_filter_comparison', 'ingest_filter_equal',
    'ingest_refuse_filter', 'ingest_most_reranked', 'ingest_reranked', 'ingest_save_evaluation',
    'ingest_find_both', 'ingest_find_nearest', 'ingest_nearest_statement', 'ingest_ann', 'ingest_search_config', 'ingest_require',
    'ingest_embed_query', 'ingest_query_embedding', 'ingest_check_commits', 'ingest_ask', 'ingest_await', 'ingest_ask_query',
    'ingest_await_query', 'ingest_rerank', 'ingest_ask_rerank', 'ingest_await_rerank', 'ingest_rerank_scores', 'ingest_check_count', 'ingest_inventory', 'ingest_list_documents', 'ingest_show_document',
    'ingest_show_revisions', 'ingest_list_generations', 'ingest_list_steps', 'ingest_show_chunks', 'ingest_context', 'ingest_context_as_caller', 'ingest_passages_by_right', 'ingest_passages',
    'ingest_passages_of', 'ingest_pieces', 'ingest_opening', 'ingest_still_continues', 'ingest_open_fence', 'ingest_growth', 'ingest_choose', 'ingest_cut_length', 'ingest_budget', 'ingest_citation', 'ingest_heading_path', 'ingest_page')
  when 'operate' then p_routine in (
    'ingest_is_failing', 'ingest_progress', 'ingest_progress_of', 'ingest_waiting_for', 'ingest_lacks_caps', 'ingest_lacks_steps', 'ingest_places', 'ingest_places_of', 'ingest_outage_of',
    'ingest_outage_message', 'ingest_cancel', 'ingest_resume', 'ingest_retry',
    'ingest_fork', 'ingest_confirm_restore', 'ingest_restored', 'ingest_collection', 'ingest_set_principals', 'ingest_delete_documents',
    'ingest_delete_requests', 'ingest_delete_under', 'ingest_count_documents', 'ingest_inventory', 'ingest_list_documents', 'ingest_show_document',
    'ingest_show_revisions', 'ingest_unwatch', 'ingest_pause_watch', 'ingest_resume_watch', 'ingest_run_watch', 'ingest_watched',
    'ingest_count_watched', 'ingest_watch_waits_for', 'ingest_noticed_by', 'ingest_locate', 'ingest_lacks_root', 'ingest_root_for', 'ingest_delete_origin', 'ingest_forget',
    'ingest_reembed', 'ingest_switch', 'ingest_rollback', 'ingest_drop_generation', 'ingest_list_generations', 'ingest_list_steps', 'ingest_would_forget', 'ingest_let_back', 'ingest_forgettings', 'ingest_purge', 'ingest_list_indexes',
    'ingest_list_metrics', 'ingest_list_history', 'ingest_list_outages', 'ingest_ask_again')
  when 'listen' then p_routine not in ('ingest_grant', 'ingest_revoke', 'ingest_apply_grants', 'ingest_apply_right', 'ingest_check_granted', 'ingest_limit',
    'ingest_confirm_restore', 'ingest_ask_again', 'ingest_price', 'ingest_cap_tenant')
  when 'gateway' then p_routine in (
    'ingest_search_for', 'ingest_has_own_policies', 'ingest_search_as_caller', 'ingest_search_by_right', 'ingest_search_principals', 'ingest_embed_query',
    'ingest_check_commits', 'ingest_ask', 'ingest_await', 'ingest_rerank', 'ingest_ask_rerank', 'ingest_await_rerank', 'ingest_rerank_scores', 'ingest_context_for', 'ingest_context_as_caller', 'ingest_passages_by_right')
  else false end;

comment on function ingest.ingest_is_for(name, text) is
  'Which functions a right is enough to call. Each of them asks for the rights that what it does needs; listeners are trusted with the others.';
