"""Titles that the vendor's page names for "key milestones or signals" (section 6), and what each stands for."""

MILESTONES: dict[str, str] = {
    "user_registered": "somebody signed up",
    "trial_started": "a trial began",
    "subscription_upgraded": "a customer moved to a larger plan",
    "invoice_paid": "money came in",
    "account_expanded": "an account added seats, sites or products",
    "crm_status_updated": "a sales stage changed in the CRM",
}
