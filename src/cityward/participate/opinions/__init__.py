"""Groups of opinion: who answers alike, and which statements bridge the groups.

Enters: agree, disagree and pass answers of voters to statements. Leaves: groups with how stable they are, and
statements with what each group says, with intervals. Never: which group one voter is in, or a group of fewer than
five; chance without a seed.

Source: Small, Bjorkegren, Erkkilä, Shaw & Megill 2021, Polis: Scaling deliberation by mapping high dimensional opinion
spaces, Recerca 26(2), sections 3 and 4.
"""
