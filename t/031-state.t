use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Registrations;
use StateTest;
use Test::More;

use Time::HiRes qw(sleep);

# Registrations outlive whatever becomes of the processes: what was answered
# 200 is there afterwards, what was answered 503 never is.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;


# --- workers --------------------------------------------------------------

subtest 'created in one worker, known in all others at once' => sub {
    my $nginx = nginx('workers', workers => 4);
    my @workers = $nginx->workers;
    my @created;

    is(scalar @workers, 4, 'four workers');

    for my $from (@workers) {
        my $uuid = uuid(through($from, \@workers, \&create, "by-$from"));
        push @created, $uuid;

        is(answered(through($_, \@workers, \&trigger, $uuid)), "200 by-$from",
           'triggered') for grep { $_ != $from } @workers;
    }

    for (@workers) {
        is_deeply(uuids(through($_, \@workers, \&list)), \@created,
                  'listed in order of creation');
    }

    for my $n (0 .. 3) {
        my $uuid = shift @created;

        is(answered(through($workers[-$n], \@workers, \&remove, $uuid)), 204,
           'deleted');

        for (@workers) {
            is(answered(through($_, \@workers, \&trigger, $uuid)), 404,
               'gone everywhere');
        }
    }

    for (@workers) {
        is_deeply(through($_, \@workers, \&list), [], 'nothing is left');
    }

    $nginx->finish;
};


# --- reload ---------------------------------------------------------------

subtest 'reload, with a state and without' => sub {
    for my $state ('with', 'without') {
        my $nginx = nginx("reload-$state",
                          $state eq 'without' ? (state => undef) : ());

        my @kept = map { uuid(create(client(), "kept$_")) } 1 .. 3;
        my @before = $nginx->workers;

        ok($nginx->reload, 'reloaded');

        my @after = $nginx->workers;
        isnt("@before", "@after", 'there are other workers');

        for (@after) {
            is_deeply(uuids(through($_, \@after, \&list)), \@kept, 'listed');
            is(answered(through($_, \@after, \&trigger, $kept[1])),
               '200 kept2', 'triggered');
        }

        ok(uuid(create(client(), 'later')), 'another one');
        is(scalar @{list(client())}, 4, 'listed as well');

        $nginx->finish;
    }
};

subtest 'reload under load: every request is answered' => sub {
    my $nginx = nginx('reload-load');

    # A connection for each request, because nginx closes those that are kept
    # alive when it likes to.
    my $load = NginxProcess::load(6, churn(5, close => 1));

    for (1 .. 5) {
        random_sleep();
        $nginx->reload(keep => 1) or fail('reload');
    }

    my @results = $load->stop;

    ok(wait_until(sub { NginxProcess::children($nginx->master) == 2 }),
       'the old workers are gone');
    verify(\@results);
    $nginx->finish;
};


# --- kill -9 --------------------------------------------------------------

subtest 'kill -9 of workers under load' => sub {
    my $nginx = nginx('kill-worker', workers => 3);
    my $load = NginxProcess::load(6, churn(7));

    for (1 .. 8) {
        my @workers = $nginx->workers;
        random_sleep();
        $nginx->replace($workers[rand @workers]) or fail('a new worker');
    }

    verify([$load->stop], lost => 1);
    $nginx->finish;
};

subtest 'kill -9 of all under load, and start' => sub {
    my $nginx = nginx('kill-all');
    my (@results, %before);

    for my $round (1 .. 3) {
        my $load = NginxProcess::load(6, churn(7));

        sleep 0.2;
        random_sleep();

        $nginx->stop('KILL');
        $nginx->start;

        my $there = verify([$load->stop], lost => 1, before => \%before);
        %before = map { $_->[0] => 1 } @{list(client())};
    }

    $nginx->finish;
};

subtest 'stop and start, in order of creation' => sub {
    my $nginx = nginx('stop');
    my $client = client();

    my @created = map { uuid(create($client, "n$_", qq({"n":$_}))) } 1 .. 600;

    for (grep { $_ % 3 == 0 } 0 .. 599) {
        remove($client, $created[$_]);
        undef $created[$_];
    }

    my @left = grep { defined } @created;

    for my $signal ('QUIT', 'TERM') {
        ok($nginx->stop($signal), "stopped by $signal");
        $nginx->start;

        is_deeply(uuids(list(client())), \@left, 'all are there, in order');
    }

    is(get(client(), $created[400])->{body},
       qq({"uuid":"$created[400]","action":"n401","props":{"n":401},)
       . qq("environment_id":1,"user_id":null}\n), 'and as they were');

    push @left, uuid(create(client(), 'last'));
    is_deeply(uuids(list(client())), \@left, 'a new one is the last');

    $nginx->finish;
};


# --- another size ---------------------------------------------------------

subtest 'another size of the zone at reload' => sub {
    my $nginx = nginx('resize', zone => '1m');
    my @state = (state => "$Root/resize");

    # Small, so that there is room for all in the smallest of the sizes.
    my $load = NginxProcess::load(4, churn(2, close => 1));

    for my $zone ('2m', '4m', '1m') {
        random_sleep();
        config($nginx, @state, zone => $zone);
        $nginx->reload(keep => 1) or fail("reload with $zone");
    }

    my @results = $load->stop;
    my $there = verify(\@results, name => 'bigger and smaller under load');

    my $props = '{"k":"' . 'v' x 1900 . '"}';
    my ($more, $refusal) = fill('more', $props);
    is($refusal->{body}, $Full, 'until it is full');
    cmp_ok(scalar @$more, '>', 50, 'after a while');

    my $before = uuids(list(client()));
    my @workers = $nginx->workers;

    $nginx->expect(qr/\[(?:emerg|crit)\].*webhook zone "hooks"/);
    config($nginx, @state, zone => '32k');
    kill HUP => $nginx->master;

    ok(wait_until(sub { $nginx->log =~ /\[emerg\].*"hooks".*too small/ }),
       'one that is too small for them is told');
    like($nginx->log, qr{\[emerg\].*too small.*\Q$Root/resize"},
         'with the name of the state');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    is_deeply(uuids(list(client())), $before, 'and so do the registrations');
    is(answered(create(client(), 'none', $props)), 503,
       'in the zone of before');

    my ($status) = $nginx->run('-t');
    isnt($status, 0, 'nginx -t tells it as well');

    config($nginx, @state, zone => '8m');
    ok($nginx->reload, 'a bigger one');
    is_deeply(uuids(list(client())), $before, 'has all of them');
    ok(uuid(create(client(), 'one')), 'and room for more');

    $nginx->finish;
};

subtest 'what is made while a resized zone is taken into use' => sub {
    my $nginx = nginx('resize-both', zone => '1m');
    my @old = $nginx->workers;

    # A request that is not complete keeps the old workers.
    my @held = map {
        my $pid = $_;
        NginxProcess::only($pid, \@old, sub {
            my $client = client();
            $client->connect->syswrite("POST /app/webhooks HTTP/1.1\r\n"
                                       . "Host: localhost\r\n"
                                       . "Authorization: Bearer t0ken\r\n"
                                       . "Content-Type: application/json\r\n"
                                       . "Content-Length: 16\r\n\r\n");
            sleep 0.1;
            $client;
        });
    } @old;

    my $first = uuid(create(client(), 'first'));

    config($nginx, state => "$Root/resize-both", zone => '2m');
    $nginx->reload(keep => 1);

    my $new = uuid(create(client(), 'new'));
    my @late;

    for my $client (@held) {
        $client->connect->syswrite('{"action":"old"}');
        $client->{method} = 'POST';
        my $answer = $client->answer;
        push @late, uuid($answer);
        is(answered($answer), 200, 'an old worker ends what it had begun');
        $client->close;
    }

    is_deeply(uuids(list(client())), [$first, $new, @late],
              'the new workers know of it');
    is(answered(trigger(client(), $_)), '200 old', 'triggered') for @late;

    $nginx->finish;
};


# --- binary upgrade -------------------------------------------------------

subtest 'binary upgrade: both masters create and delete' => sub {
    my $nginx = nginx('upgrade');

    # Before the new one is there, so that it has to be loaded.
    my @created = map { uuid(create(client(), "before$_")) } 1 .. 3;

    my $old = $nginx->master;
    my $new = $nginx->upgrade;

    my @old = NginxProcess::workers_of($old);
    my @new = NginxProcess::workers_of($new);
    my @all = (@old, @new);

    is(scalar @all, 4, 'two workers each');

    for my $round (0, 1) {
        for my $direction ([$old[$round], @new], [$new[$round], @old]) {
            my ($from, @others) = @$direction;
            my $uuid = uuid(through($from, \@all, \&create, "by-$from"));
            push @created, $uuid;

            is(answered(through($_, \@all, \&trigger, $uuid)), "200 by-$from",
               'triggered through the other one\'s worker') for @others;
        }
    }

    for (@all) {
        is_deeply(uuids(through($_, \@all, \&list)), \@created,
                  'a list is complete and in order of creation');
    }

    for my $direction ([$old[0], @new], [$new[1], @old]) {
        my ($from, @others) = @$direction;
        my $uuid = splice @created, 2, 1;

        is(answered(through($from, \@all, \&remove, $uuid)), 204, 'deleted');

        for (@others) {
            is(answered(through($_, \@all, \&trigger, $uuid)), 404,
               'gone in the other one');
            is(answered(through($_, \@all, \&get, $uuid)), 404, 'altogether');
        }
    }

    for (@all) {
        is_deeply(uuids(through($_, \@all, \&list)), \@created,
                  'a list is what is left');
    }

    my %before = map { $_ => 1 } @created;
    my $load = NginxProcess::load(6, churn(3, close => 1));

    sleep 0.3;
    kill WINCH => $old;
    ok(wait_until(sub { !NginxProcess::alive(@old) }), 'the old workers end');
    sleep 0.1;
    kill QUIT => $old;
    ok(wait_until(sub { !NginxProcess::alive($old) }), 'the old master ends');

    verify([$load->stop], before => \%before);
    $nginx->finish;
};

subtest 'binary upgrade: nothing was asked for before' => sub {
    my $nginx = nginx('upgrade-first');

    # The old one has made it, and looked nothing up since: what it knows of
    # the state is that it was empty.
    my $uuid = uuid(create(client(), 'first'));

    my $old = $nginx->master;
    my $new = $nginx->upgrade;
    my @old = NginxProcess::workers_of($old);
    my @new = NginxProcess::workers_of($new);
    my @all = (@old, @new);

    is(answered(through($new[0], \@all, \&remove, $uuid)), 204,
       'deleted through the new one');
    is(answered(through($old[0], \@all, \&trigger, $uuid)), 404,
       'gone in the old one');
    is_deeply(through($old[0], \@all, \&list), [], 'not in its list');

    kill QUIT => $old;
    wait_until(sub { !NginxProcess::alive($old) });
    $nginx->finish;
};

subtest 'binary upgrade: back to the old one' => sub {
    my $nginx = nginx('upgrade-back');
    my @created = map { uuid(create(client(), "before$_")) } 1 .. 3;

    my $old = $nginx->master;
    my @old = $nginx->workers;
    my $new = $nginx->upgrade;

    kill WINCH => $old;
    ok(wait_until(sub { !NginxProcess::alive(@old) }), 'the old workers end');

    push @created, map { uuid(create(client(), "between$_")) } 1 .. 3;
    my $gone = splice @created, 1, 1;
    is(answered(remove(client(), $gone)), 204, 'one is deleted');

    kill HUP => $old;
    ok(wait_until(sub { NginxProcess::workers_of($old) == 2 }),
       'the old one has workers again');
    kill QUIT => $new;
    ok(wait_until(sub { !NginxProcess::alive($new)
                        && ($nginx->master // 0) == $old }),
       'the new one ends');

    my @workers = $nginx->workers;

    for (@workers) {
        is_deeply(uuids(through($_, \@workers, \&list)), \@created,
                  'the old one knows what was created meanwhile');
        is(answered(through($_, \@workers, \&trigger, $gone)), 404,
           'and what was deleted');
    }

    $nginx->finish;
};

done_testing();
