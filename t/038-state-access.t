use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Registrations;
use Test::More;

use File::Temp ();

# Whether the workers' user can get to the files of a store is found out by the
# master, at start and by nginx -t, and not by the first request.

plan(skip_all => 'this takes root') if $> != 0;

my $Root = $NginxProcess::Root;
my ($Uid, $Gid) = (getpwnam 'nobody')[2, 3];
my $User = 'user nobody ' . getgrgid($Gid) . ';';

# A folder that everybody can enter, with one in it that not everybody can
my $Folder = File::Temp->newdir('webhook-access-XXXXXX', TMPDIR => 1);
chmod 0755, $Folder;
mkdir "$Folder/inner" or die "mkdir: $!";

my $State = "$Folder/inner/state";

# What "folder" says of the inner one: its mode, its user and its group
sub folder {
    my ($mode, $uid, $gid) = @_;

    chown $uid, $gid, "$Folder/inner" or die "chown: $!";
    chmod $mode, "$Folder/inner" or die "chmod: $!";
    unlink $State, "$State-lock";
}

sub mode { return sprintf '%04o', (stat shift)[2] & 07777 }

# What messages call them
my %Kinds = (state => 'state', queue => 'queue', 'dedup state' => 'state');

my %Stores = (
    state         => ["webhook_zone zone=hooks:1m state=$State;",
                      'webhook lenra zone=hooks;'],
    queue         => ["webhook_queue_path $State queue=q;",
                      'webhook luzmo; webhook_secret off; webhook_queue q;'],
    'dedup state' => ["webhook_dedup_zone zone=events:1m state=$State;",
                      'webhook luzmo; webhook_secret off;'
                      . ' webhook_dedup $http_x_id zone=events;'],
);

sub config {
    my ($nginx, $kind, %with) = @_;
    my ($store, $location) = @{$Stores{$kind}};
    my $port = NginxProcess::port(0);
    my $upstream = NginxProcess::port(1);
    my ($pass, $deliver) = ("proxy_pass http://127.0.0.1:$upstream;", '');

    ($pass, $deliver) = ('', "webhook_deliver q; $pass") if $kind eq 'queue';

    $nginx->configure(main => $User, %with, http => <<"END");
    $store

    webhook_app $App environment=1 token=t0ken;

    server {
        listen 127.0.0.1:$port;

        location / {
            $location
            $pass
        }

        location /deliver/ {
            $deliver
        }
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "passed\\n";
    }
END
}

# Uid, Gid and Groups of a process
sub identity {
    my $status = NginxProcess::read_file('/proc/' . shift . '/status');
    return join "\n", map { s/\s+/ /gr =~ s/ $//r }
                      $status =~ /^((?:Uid|Gid|Groups):.*)$/mg;
}

for my $kind (sort keys %Stores) {
    subtest "a $kind that the workers can't get to" => sub {
        my $nginx = NginxProcess->new(name => 'access');

        config($nginx, $kind);

        my $told = qr/\[emerg\]\ .*webhook\ \Q$Kinds{$kind}\E\ "\Q$State\E"\ can't
                      \ be\ used\ by\ the\ workers:\ let\ user\ "nobody"
                      \ enter\ each\ directory\ of\ the\ path,
                      \ and\ read\ and\ write\ "\Q$State\E"
                      \ \(13:\ Permission\ denied\)/x;
        $nginx->expect($told);

        # What root's own group may do does not count.
        for my $mode (0700, 0770) {
            folder($mode, 0, 0);

            for my $arguments (['-t'], []) {
                my ($status, $output) = $nginx->run(@$arguments);

                isnt($status, 0, sprintf "%04o: refused: nginx @$arguments",
                                         $mode);
                like($output, $told, 'and told');
            }
        }

        folder(0700, $Uid, 0);
        is(($nginx->run('-t'))[0], 0, 'a folder that is the user\'s');

        folder(0710, 0, $Gid);
        is(($nginx->run('-t'))[0], 0, 'one that its group can enter');

        folder(0700, 0, 0);
        config($nginx, $kind, main => 'user root;');
        is(($nginx->run('-t'))[0], 0, 'workers of root can use it');

        config($nginx, $kind, main => "$User master_process off;");
        is(($nginx->run('-t'))[0], 0, 'and a process without a master');

        $nginx->finish;
    };
}

subtest 'copies that others can read' => sub {
    my $nginx = NginxProcess->new(name => 'mode');

    for my $kind (sort keys %Stores) {
        folder(0755, 0, 0);
        config($nginx, $kind);

        is(($nginx->run('-t'))[0], 0, "a $kind can be made");
        ok(!-e $_, 'nginx -t makes nothing') for $State, "$State-lock";

        $nginx->start;
        $nginx->stop;
        is(mode($_), '0600', 'only for its owner') for $State, "$State-lock";

        for my $mode (0644, 0400, 0666) {
            chmod $mode, $State, "$State-lock";

            my ($status, $output) = $nginx->run('-t');
            is($status, 0, sprintf 'accepted with mode %04o', $mode)
                or diag($output);
            is(mode($_), '0600', 'and closed to others')
                for $State, "$State-lock";
        }

        unlink "$State-lock";
        is(($nginx->run('-t'))[0], 0, 'without the lock file');
        ok(!-e "$State-lock", 'nginx -t does not make that, either');
    }

    $nginx->finish;
};

# The workers' user, whose folder it is, must not get root's files.
subtest 'links in the place of a file' => sub {
    my $nginx = NginxProcess->new(name => 'links');
    my $mine = "$Folder/mine";
    my @before;

    my $same = sub {
        my @now = (stat $mine)[2, 4, 5, 7, 9];
        is("@now", "@before", 'root\'s file is as it was');
        is(NginxProcess::read_file($mine), "root's", 'and has what it had');
    };

    for my $kind (sort keys %Stores) {
        folder(0755, $Uid, $Gid);
        config($nginx, $kind);

        unlink $mine;
        NginxProcess::write_file($mine, "root's");
        chmod 0644, $mine;
        @before = (stat $mine)[2, 4, 5, 7, 9];

        for my $case (['symlink', ''], ['symlink', '-lock'], ['link', ''],
                      ['link', '-lock'])
        {
            my ($how, $which) = @$case;

            unlink $State, "$State-lock";
            my $made = $how eq 'link' ? link($mine, "$State$which")
                                      : symlink($mine, "$State$which");
            ok($made, "$kind: a $how as the file$which") or next;

            my $told = $how eq 'link'
                       ? qr/\[emerg\] .*"\Q$State$which\E" has other names/
                       : qr/\[emerg\] .*"\Q$State$which\E" failed, it is a symbolic link/;
            $nginx->expect($told);

            # a test without the file does not come to the lock file
            for my $arguments (['-t'], []) {
                my ($status, $output) = $nginx->run(@$arguments);

                if ($which eq '' || !@$arguments) {
                    isnt($status, 0, "refused: nginx @$arguments");
                    like($output, $told, 'and told');
                }

                $same->();
            }
        }

        unlink $State, "$State-lock";
        symlink("$Folder/none", $State) or die "symlink: $!";
        $nginx->expect(qr/\[emerg\] .*"\Q$State\E" failed \(17: File exists\)/);
        isnt(($nginx->run('-t'))[0], 0, 'a link to nothing');
        isnt(($nginx->run)[0], 0, 'nor is it followed');
        ok(!-e "$Folder/none", 'nothing is made there');

        unlink $State, "$State-lock";
        like(($nginx->run('-t'))[1], qr/\[warn\] .*others than root can write into its folder "\Q$Folder\E\/inner\/"/,
             'a folder that is not root\'s is warned of');

        folder(0755, 0, 0);
        unlike(($nginx->run('-t'))[1], qr/\[warn\] .*folder/,
               'one of root is not');
    }

    $nginx->finish;
};

subtest 'a folder that the workers can enter' => sub {
    my $nginx = NginxProcess->new(name => 'group');
    my $before = identity($$);

    folder(0710, 0, $Gid);
    config($nginx, 'state');
    $nginx->start;

    my $answer = create(client(), 'here');
    is($answer->{status}, 200, 'a registration is created');
    ok(uuid($answer), 'and answered');
    is(identity($nginx->master), $before, 'the master is what it was');

    $nginx->finish;
};

done_testing();
