package Registrations;

# Lenra's registrations, for tests that start nginx by NginxProcess.pm: made,
# deleted and triggered, also under load, and compared in the end: what was
# answered 200 is there, what was answered 503 is not.
#
#     my $load = NginxProcess::load(4, churn(4));
#     ...
#     verify([$load->stop], lost => 1);
#
# The gateway listens at NginxProcess::port(0); /app/ and /apps/ are Lenra's,
# with the app $App, whose token is t0ken.  In a trigger's answer X-Action is
# $webhook_action.

use strict;
use warnings;

use Answers qw(lenra);
use Exporter qw(import);
use List::Util qw(shuffle);
use NginxProcess ();
use Test::More;

our @EXPORT = qw($App @Token @Json $Full $Failed client create uuid get remove
                 trigger answered list uuids churn verify fill remove_all
                 listed);

*all = \&NginxProcess::all;

our $App = '5f0f9b52-6a0e-4d0c-8c43-0d9f64d0a7b1';

our @Token = (Authorization => 'Bearer t0ken');
our @Json = ('Content-Type' => 'application/json');

our $Full = lenra(503, 'there is no room for another one', 'zone_full');
our $Failed = lenra('store_failed');


sub client { return NginxProcess::Client->new(@_) }

sub create {
    my ($client, $action, $props) = @_;
    my $body = qq({"action":"$action") . ($props ? qq(,"props":$props) : '')
               . '}';
    return $client->request(POST => '/app/webhooks', $body, @Token, @Json);
}

sub uuid {
    my $answer = shift;
    return unless $answer && $answer->{status} == 200;
    return $answer->{body} =~ /^\{"uuid":"([0-9a-f-]{36})"/ ? $1 : undef;
}

sub get {
    my ($client, $uuid) = @_;
    return $client->request(GET => "/app/webhooks/$uuid", undef, @Token);
}

sub remove {
    my ($client, $uuid) = @_;
    return $client->request(DELETE => "/app/webhooks/$uuid", undef, @Token);
}

sub trigger {
    my ($client, $uuid) = @_;
    return $client->request(POST => "/apps/$App/webhooks/$uuid", '{}', @Json);
}

# The status, and for a trigger the action, as one text
sub answered {
    my $answer = shift or return 'nothing';
    return join ' ', $answer->{status}, $answer->{headers}{'x-action'} // ();
}

# All of an app's webhooks in order, as [uuid, action]
sub list {
    my $client = shift;
    my (@list, $after);

    while (1) {
        my $answer = $client->request(GET => '/app/webhooks?limit=250'
                                             . ($after ? "&after=$after" : ''),
                                      undef, @Token);
        return if !$answer || $answer->{status} != 200;

        my @page;
        while ($answer->{body} =~ /\{"uuid":"([^"]+)","action":"([^"]*)"/g) {
            push @page, [$1, $2];
        }

        push @list, @page;
        return \@list if !@page;
        $after = $list[-1][0];
    }
}

sub uuids { return [map { $_->[0] } @{$_[0] || []}] }


# --- load -----------------------------------------------------------------

# A step of NginxProcess::load(): a webhook is created, and every so many times
# the last one deleted.  What is returned is status, UUID and action.
#
# name: what actions begin with; props: what they have; close: each has a
# connection of its own.

sub churn {
    my ($every, %with) = @_;
    my $last;

    return sub {
        my ($n, $client, $k) = @_;

        $client->close if $with{close};

        if ($every && $last && $k % $every == $every - 1) {
            my $uuid = $last;
            undef $last;

            my $answer = remove($client, $uuid);
            return ($answer ? "deleted-$answer->{status}" : 'deleted-lost',
                    $uuid);
        }

        my $action = ($with{name} // 'c') . "$n-$k";
        my $answer = create($client, $action, $with{props});

        $last = uuid($answer);

        return ($answer ? $answer->{status} : 'lost', $last // '-', $action);
    };
}

# What a load has answered, against what there is: nothing that was answered
# 200 is lost, nothing that was answered 503 has appeared, all can be triggered.
#
# lost, refused: that there was no answer, or 503, is as expected; before: what
# else may be there; least: so many were made; sample: so many are triggered,
# not all; name: of the test.

sub verify {
    my ($results, %with) = @_;
    my $client = client();
    my (%there, %gone, %refused, %lost, %count, @wrong);

    for my $process (@$results) {
        for my $line (@$process) {
            my ($status, $uuid, $action) = @$line;
            $count{$status}++;

            if ($status eq '200') {
                $there{$uuid} = $action;

            } elsif ($status eq 'deleted-204') {
                delete $there{$uuid};
                $gone{$uuid} = 1;

            } elsif ($status eq 'deleted-lost') {
                # nobody knows
                delete $there{$uuid};
                $lost{$uuid} = 1;

            } elsif ($status eq 'lost') {
                $lost{$action} = 1;

            } elsif ($status eq '503') {
                $refused{$action} = 1;

            } elsif ($status ne 'deleted-503') {
                push @wrong, "answered: @$line";
            }
        }
    }

    $with{lost} or push @wrong, map { "no answer: $_" } sort keys %lost;
    $with{refused} or push @wrong, map { "refused: $_" } sort keys %refused;

    my $list = list($client) or push @wrong, 'no list';
    my (%position, $n);

    for my $webhook (@{$list || []}) {
        my ($uuid, $action) = @$webhook;

        push @wrong, "twice in the list: $action" if exists $position{$uuid};
        $position{$uuid} = $n++;

        push @wrong, "deleted, but in the list: $uuid" if $gone{$uuid};
        push @wrong, "refused, but in the list: $action" if $refused{$action};

        if (!exists $there{$uuid} && !$gone{$uuid} && !$refused{$action}
            && !$lost{$action} && !$lost{$uuid} && !$with{before}{$uuid})
        {
            push @wrong, "unknown in the list: $action";
        }
    }

    for my $uuid (sort keys %there) {
        push @wrong, "not in the list: $there{$uuid}"
            if !exists $position{$uuid};
    }

    for my $process (@$results) {
        my @order = grep { defined }
                    map { $_->[0] eq '200' ? $position{$_->[1]} : () }
                    @$process;
        my @sorted = sort { $a <=> $b } @order;
        push @wrong, 'not in order of creation' if "@order" ne "@sorted";
    }

    my @there = shuffle keys %there;
    splice @there, $with{sample} if $with{sample} && @there > $with{sample};

    my @got = all(\&trigger, @there);

    for my $k (0 .. $#there) {
        my $got = answered($got[$k]);
        push @wrong, "triggered: $got, not 200 $there{$there[$k]}"
            if $got ne "200 $there{$there[$k]}";
    }

    my @gone = shuffle keys %gone;
    splice @gone, $with{sample} if $with{sample} && @gone > $with{sample};

    for (all(\&trigger, @gone)) {
        my $got = answered($_);
        push @wrong, "deleted, but triggered: $got" if $got ne '404';
    }

    my $counted = join ', ', map { "$count{$_} $_" } sort keys %count;

    cmp_ok($count{200} // 0, '>=',
           ($with{least} // 50) / $NginxProcess::Slowness, "load: $counted");
    is(scalar @wrong, 0, $with{name} // 'all is as it was answered')
        or diag(join "\n", grep { defined } @wrong[0 .. 9]);

    return \%there;
}

# Creates until it is refused; returns the UUIDs and the refusal.
sub fill {
    my ($action, $props) = @_;
    my ($n, @uuids) = (0);

    while ($n < 20000) {
        my @answers = all(sub { create(@_, $props) },
                          map { $action . $n++ } 1 .. 16);
        my @refusals = grep { !uuid($_) } @answers;

        push @uuids, map { uuid($_) // () } @answers;
        return (\@uuids, $refusals[0]) if @refusals;
    }

    return (\@uuids, undef);
}

sub remove_all {
    my @statuses = map { answered($_) } all(\&remove, @_);
    return scalar grep { $_ eq '204' } @statuses;
}

# The UUIDs that are listed, if the order does not matter
sub listed { return [sort @{uuids(list(client()))}] }

1;
